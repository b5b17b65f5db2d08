/**
 * Streams that a caller gives to read from, from Node.js and the web, and streams that the caller gets.
 */
import { ZnipError } from '../errors.ts';
import { type ByteStream, IterableStream } from '../io/byte-stream.ts';

/** Bytes that arrive: a `Readable` of Node.js, a web stream, or any async iterable of pieces. */
export type ByteInput = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

export function isByteInput(value: object): value is ByteInput {
  return Symbol.asyncIterator in value || 'getReader' in value;
}

/** The caller's stream. It is released when it has been read to its end, or when nobody needs the rest. */
export function toByteStream(input: ByteInput, name: string, signal: AbortSignal | undefined): ByteStream {
  return new IterableStream(name, { [Symbol.asyncIterator]: () => checked(input, name, signal) }, signal);
}

function checked(
  input: ByteInput,
  name: string,
  signal: AbortSignal | undefined,
): AsyncIterator<Uint8Array, undefined> {
  const { next, stop } = piecesOf(input);
  const done = { done: true, value: undefined } as const;
  return {
    async next() {
      let piece: IteratorResult<unknown, unknown>;
      try {
        piece = await next();
      } catch (error) {
        // The same signal may end the stream, too, and the stream may be the first to report it.
        signal?.throwIfAborted();
        if (error instanceof ZnipError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new ZnipError('io', `cannot read ${name}: ${reason}`, {}, error);
      }
      if (piece.done === true) return done;
      if (piece.value instanceof Uint8Array) return { done: false, value: piece.value };
      throw new ZnipError('usage', `${name} gave ${typeof piece.value}: expected pieces of Uint8Array`);
    },
    async return() {
      await stop();
      return done;
    },
  };
}

interface Pieces {
  next: () => Promise<IteratorResult<unknown, unknown>>;
  /** Nobody needs more, even if a call of `next` is still waiting. */
  stop: () => Promise<unknown>;
}

function piecesOf(input: ByteInput): Pieces {
  if ('getReader' in input) {
    const reader = input.getReader();
    return {
      next: () => reader.read(),
      stop: () => reader.cancel(),
    };
  }
  const iterator = input[Symbol.asyncIterator]();
  const destroy = 'destroy' in input && typeof input.destroy === 'function' ? input.destroy : undefined;
  return {
    next: () => iterator.next(),
    // The iterator of a Readable would first wait for the piece that it has asked for.
    stop: async () => (destroy === undefined ? iterator.return?.() : destroy.call(input)),
  };
}

/** A web stream of pieces that are made only when somebody reads them. */
export function toReadableStream(pieces: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await pieces.next();
        if (piece.done === true) controller.close();
        else controller.enqueue(piece.value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}
