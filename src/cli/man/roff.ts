/**
 * Text in man(7) macros, which groff and mandoc both read.
 */

/** Text that is shown as it is: no macro begins in it, and hyphens stay hyphens that can be searched and copied. */
export function roffText(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
    .replace(
      /[^\x00-\x7f]/gu,
      (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

/** Input lines of a page have at most 80 bytes; escapes add some. */
const PROSE_WIDTH = 64;

/** A paragraph; the program that shows it breaks its lines again. */
export function roffProse(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    const fits = last !== undefined && last.length + 1 + word.length <= PROSE_WIDTH;
    if (fits) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return roffText(lines.join('\n'));
}

/** An argument of a macro. */
export function roffArgument(text: string): string {
  return `"${roffText(text).replaceAll('"', '\\(dq')}"`;
}

/** Lines that keep their breaks and blanks. */
export function roffLines(lines: readonly string[]): string {
  return `.nf\n${lines.map(roffText).join('\n')}\n.fi\n`;
}

/** A term and what it means. */
export function roffItem(term: string, description: string): string {
  return `.TP\n${term}\n${roffProse(description)}\n`;
}

/** Bold for what the user types as it is, italic for what the user replaces: `--output <file>`. */
export function roffFlags(flags: string): string {
  return flags
    .split(/([<[][^>\]]+[>\]])/)
    .map((part) =>
      /^[<[]/.test(part)
        ? part.replace(/[^<>[\].]+/, (name) => `\\fI${roffText(name)}\\fR`).replace(/[<>]/g, '')
        : part.replace(/[^\s,]+/g, (word) => `\\fB${roffText(word)}\\fR`),
    )
    .join('');
}
