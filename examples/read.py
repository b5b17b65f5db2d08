#!/usr/bin/env python3
"""Reads a znip archive with nothing but docs/format.md, the standard library, and the programs zstd and b3sum.

    python3 read.py index ARCHIVE      checks everything by the index, and prints a line of JSON for each member
    python3 read.py stream < ARCHIVE   the same in one pass, as the archive arrives

Names are bytes: in the lines, each character is one byte. Ends with status 1 and a reason if anything is wrong.
Archives of tar streams that other programs made may have headers that this reader does not know.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

PROLOGUE = bytes.fromhex('28b52ffd2000010000')
FOOTER_MAGIC = bytes.fromhex('895a4e49500d0a1a')
SKIPPABLE = 0x184D2A5A
NO_HEADER = 0xFFFFFFFF
MAX_CHUNK = 128 << 20
MAX_TABLE = 768 << 20
KINDS = ['file', 'directory', 'symlink', 'hardlink']
TAGS = (b'ZNBH', b'ZNSI', b'ZNFT', b'ZNRM', b'ZNMA', b'ZNFO')


class Damaged(Exception):
    pass


def require(condition, why):
    if not condition:
        raise Damaged(why)


def hashes(pieces):
    """BLAKE3 of each of these byte strings, by one call of b3sum."""
    with tempfile.TemporaryDirectory() as directory:
        names = [os.path.join(directory, str(i)) for i in range(len(pieces))]
        for name, piece in zip(names, pieces):
            with open(name, 'wb') as file:
                file.write(piece)
        found = []
        for i in range(0, len(names), 1000):
            done = subprocess.run(['b3sum', '--no-names', *names[i : i + 1000]], capture_output=True, check=True)
            found += [bytes.fromhex(line) for line in done.stdout.decode().split()]
        return found


def blake3(piece):
    return hashes([piece])[0]


def decompress(frame, length):
    """The content of exactly one zstd frame, which declares its size ("Blobs")."""
    require(frame[:4] == PROLOGUE[:4] and len(frame) > 5, 'no zstd frame')
    descriptor = frame[4]
    single = descriptor >> 5 & 1
    require(descriptor & 8 == 0 and (single or descriptor >> 6), 'a frame that declares no size')
    at = 5 + (0 if single else 1)
    ids = (0, 1, 2, 4)[descriptor & 3]
    require(not any(frame[at : at + ids]), 'a frame with a dictionary')
    at += ids
    width = (1, 2, 4, 8)[descriptor >> 6]
    size = int.from_bytes(frame[at : at + width], 'little') + (256 if width == 2 else 0)
    require(size == length, f'a frame of {size} bytes, expected {length}')
    at += width
    last = False
    while not last:
        require(at + 3 <= len(frame), 'a frame that is cut short')
        block = int.from_bytes(frame[at : at + 3], 'little')
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == 1 else size)
    require(at + (4 if descriptor & 4 else 0) == len(frame), 'more than one frame')
    found = subprocess.run(['zstd', '-dcq', '--long=27'], input=frame, capture_output=True).stdout
    require(len(found) == length, 'a frame that zstd refuses')
    return found


class Flatbuffer:
    """Fields of flatbuffer tables ("Arrow IPC streams")."""

    def __init__(self, data):
        self.data = data

    def number(self, kind, at):
        require(0 <= at and at + struct.calcsize(kind) <= len(self.data), 'metadata that is cut short')
        return struct.unpack_from('<' + kind, self.data, at)[0]

    def follow(self, at):
        return at + self.number('I', at)

    def place(self, table, field):
        vtable = table - self.number('i', table)
        slot = 4 + 2 * field
        if slot + 2 > self.number('H', vtable):
            return None
        offset = self.number('H', vtable + slot)
        return table + offset if offset else None

    def value(self, table, field, kind, default=0):
        at = self.place(table, field)
        return default if at is None else self.number(kind, at)

    def table(self, table, field):
        at = self.place(table, field)
        return None if at is None else self.follow(at)

    def vector(self, table, field, width):
        """Places of the elements."""
        at = self.table(table, field)
        if at is None:
            return []
        count = self.number('I', at)
        require(at + 4 + count * width <= len(self.data), 'a vector that is cut short')
        return range(at + 4, at + 4 + count * width, width)

    def text(self, table, field):
        places = self.vector(table, field, 1)
        return bytes(self.data[places.start : places.stop]).decode() if places else ''


def read_batch(buffer, batch, fields, body, words):
    """The columns of a record batch: a list of values for each, None for null."""
    require(buffer.table(batch, 3) is None, 'compressed buffers')
    nodes = iter(buffer.vector(batch, 1, 16))
    buffers = iter(buffer.vector(batch, 2, 16))

    def take():
        at = next(buffers)
        start, length = buffer.number('q', at), buffer.number('q', at + 8)
        require(0 <= start and 0 <= length and start + length <= len(body), 'a buffer outside of the body')
        return body[start : start + length]

    def bit(bits, row):
        return bits[row >> 3] >> (row & 7) & 1

    columns = {}
    for field in fields:
        rows = buffer.number('q', next(nodes))
        validity = take()
        kind = field['type']
        if kind in (4, 5) and field['dictionary'] is None:
            offsets, data = take(), take()
            ends = struct.unpack(f'<{rows + 1}i', offsets[: 4 * (rows + 1)]) if rows else (0,)
            require(list(ends) == sorted(ends) and 0 <= ends[0] and ends[-1] <= len(data), 'offsets that fall')
            values = [data[ends[i] : ends[i + 1]] for i in range(rows)]
        else:
            data = take()
            if kind == 6:
                values = [bit(data, row) == 1 for row in range(rows)]
            elif kind == 15:
                values = [data[i : i + field['width']] for i in range(0, rows * field['width'], field['width'])]
            else:
                width = 64 if kind == 10 else field['width']
                code = {8: 'B', 16: 'H', 32: 'I', 64: 'q' if kind == 10 else 'Q'}[width]
                values = struct.unpack(f'<{rows}{code}', data[: rows * width // 8])
            if field['dictionary'] is not None:
                values = [words[field['dictionary']][index] for index in values]
        require(len(values) == rows, 'a column that is cut short')
        columns[field['name']] = [
            value if not validity or bit(validity, row) else None for row, value in enumerate(values)
        ]
    return columns


def read_table(stream):
    """The rows of an Arrow IPC stream, each a dictionary of its columns."""
    at, fields, words, rows = 0, None, {}, []
    while at < len(stream):
        require(stream[at : at + 4] == b'\xff\xff\xff\xff', 'no message')
        length = int.from_bytes(stream[at + 4 : at + 8], 'little')
        at += 8
        if length == 0:
            break
        buffer = Flatbuffer(stream[at : at + length])
        message = buffer.follow(0)
        kind, header = buffer.value(message, 1, 'B'), buffer.table(message, 2)
        body_length = buffer.value(message, 3, 'q')
        at += length
        body = stream[at : at + body_length]
        require(len(body) == body_length, 'a body that is cut short')
        at += body_length
        if kind == 1:
            require(buffer.value(header, 0, 'h') == 0, 'a big-endian table')
            fields = [read_field(buffer, buffer.follow(place)) for place in buffer.vector(header, 1, 4)]
        elif kind == 2:
            number = buffer.value(header, 0, 'q')
            text = [{'name': 'word', 'type': 5, 'width': 0, 'dictionary': None}]
            found = read_batch(buffer, buffer.table(header, 1), text, body, words)['word']
            words[number] = (words.get(number, []) if buffer.value(header, 2, 'B') else []) + found
        elif kind == 3:
            columns = read_batch(buffer, header, fields, body, words)
            names = list(columns)
            rows += [dict(zip(names, values)) for values in zip(*columns.values())]
    return rows


def read_field(buffer, field):
    kind, of_type, encoding = buffer.value(field, 2, 'B'), buffer.table(field, 3), buffer.table(field, 4)
    require(kind in (2, 4, 5, 6, 10, 15), f'a column of type {kind}')
    dictionary, width = None, 0
    if encoding is not None:
        dictionary = buffer.value(encoding, 0, 'q')
        index = buffer.table(encoding, 1)
        kind, width = 2, buffer.value(index, 0, 'i') if index is not None else 32
    elif kind in (2, 15):
        width = buffer.value(of_type, 0, 'i')
    return {'name': buffer.text(field, 0), 'type': kind, 'width': width, 'dictionary': dictionary}


def check_structure(frame, tag, length):
    magic, size, found, major = struct.unpack_from('<II4sB', frame)
    require(magic == SKIPPABLE and found == tag and 8 + size == length, f'no {tag.decode()} of {length} bytes')
    require(major == 1, f'version {major}')


def read_section(frame, tag):
    check_structure(frame, tag, len(frame))
    length = struct.unpack_from('<Q', frame, 16)[0]
    require(length <= MAX_TABLE, 'a table that is too long')
    return read_table(decompress(frame[24:], length))


def real_name(row, column):
    """A name's bytes: those of the second column if it has a value."""
    return row.get(f'{column}_bytes') if row.get(f'{column}_bytes') is not None else row[column]


def read_index(archive):
    """"By the index", steps 1 to 6: the frames, and the entries in the order of the archive."""
    footer = archive[-88:]
    require(len(footer) == 88 and footer[80:] == FOOTER_MAGIC, 'no footer')
    check_structure(footer, b'ZNFO', 88)
    require(footer[72:80] == blake3(footer[:72])[:8], 'a damaged footer')
    offset, length, total = struct.unpack_from('<QQQ', footer, 16)
    require(total == len(archive) and offset + length == total - 88, 'lengths that are wrong')
    manifest = archive[offset : offset + length]
    require(blake3(manifest) == footer[40:72], 'a damaged manifest')
    rows = [row for row in read_section(manifest, b'ZNMA') if row['section'] in (b'members', b'frames')]
    places = {row['index_offset']: row for row in rows}
    sections = [archive[at : at + row['index_length']] for at, row in places.items()]
    tables = {}
    for (at, row), section, found in zip(places.items(), sections, hashes(sections)):
        require(at + row['index_length'] <= offset and found == row['checksum'], 'a damaged section')
        tables[at] = read_section(section, b'ZNSI' if row['section'] == b'members' else b'ZNFT')
    frames, entries = [], []
    for row in rows:
        require(row['checksum'] == places[row['index_offset']]['checksum'], 'rows that contradict each other')
        first = row.get('first_row') or 0
        table = tables[row['index_offset']][first : first + row['row_count']]
        require(len(table) == row['row_count'], 'a table that is too short')
        if row['section'] == b'frames':
            frames += table
            continue
        for entry in table:
            entry['path'], entry['target'] = real_name(entry, 'path'), real_name(entry, 'link_target')
        paths = sorted((entry['path'] for entry in table), key=lambda path: path.replace(b'/', b'\0'))
        if paths:
            ends = [real_name(row, 'first_path'), real_name(row, 'last_path')]
            require(ends == [paths[0], paths[-1]], 'other paths')
        require(sum(entry['size'] for entry in table) == row['content_bytes'], 'other content')
        entries += table
    stream = 0
    for frame in frames:
        require(frame['stream_offset'] == stream and 1 <= frame['stream_length'] <= MAX_CHUNK, 'chunks with gaps')
        stream += frame['stream_length']
    entries.sort(key=lambda entry: entry['stream_offset'])
    return frames, entries


def check_names(entries):
    for entry in entries:
        for part in entry['path'].split(b'/'):
            require(part not in (b'', b'.', b'..') and b'\0' not in part, 'a name that leaves the target')
        require(entry['kind'].decode() in KINDS, 'an unknown kind')


def check_contents(stream, entries):
    files = [entry for entry in entries if entry['kind'] == b'file']
    contents = [stream[entry['stream_offset'] : entry['stream_offset'] + entry['size']] for entry in files]
    for entry, found in zip(files, hashes(contents)):
        require(found == entry['checksum'], f"the content of {entry['path']!r} is damaged")


def line(entry):
    text = lambda value: None if value is None else value.decode('latin1')
    plain = {name: entry[name] for name in ('size', 'uid', 'gid')}
    checksum = None if entry['checksum'] is None else entry['checksum'].hex()
    named = {name: text(entry[name]) for name in ('path', 'kind', 'target')}
    mode, mtime = f"{entry['mode']:o}", str(entry['mtime'])
    return json.dumps({**named, **plain, 'mode': mode, 'mtime': mtime, 'checksum': checksum})


def by_index(archive):
    frames, entries = read_index(archive)
    check_names(entries)
    blobs = [archive[f['blob_offset'] : f['blob_offset'] + f['blob_length']] for f in frames]
    for frame, found in zip(frames, hashes(blobs)):
        require(found == frame['checksum'], 'a damaged blob')
    stream = b''.join(decompress(blob, frame['stream_length']) for frame, blob in zip(frames, blobs))
    check_contents(stream, entries)
    return entries


def read_blocks(archive):
    """"From a stream", steps 1 to 5: the tar stream, the frames, and where the blocks end."""
    require(archive[:9] == PROLOGUE, 'no prologue')
    at, stream, frames, last = 9, b'', [], False
    while not last:
        magic, size = struct.unpack_from('<II', archive, at)
        if magic & ~0xF == 0x184D2A50 and (magic != SKIPPABLE or archive[at + 8 : at + 12] not in TAGS):
            at += 8 + size
            continue
        header = archive[at : at + 8 + size]
        require(88 <= size <= 4183, 'a block header of a wrong length')
        check_structure(header, b'ZNBH', 8 + size)
        require(header[-8:] == blake3(header[:-8])[:8], 'a damaged block header')
        blob_length, chunk_length, offset, first, path_length = struct.unpack_from('<IIQII', header, 16)
        require(offset == len(stream) and size == 88 + path_length, 'a block out of place')
        last = header[14] & 2 != 0
        at += 8 + size
        blob = archive[at : at + blob_length]
        require(blake3(blob) == header[56:88], 'a damaged blob')
        stream += decompress(blob, chunk_length)
        require(not last or first == NO_HEADER, 'a last block with members')
        frames.append((offset, chunk_length, at, blob_length, header[56:88]))
        at += blob_length
    return stream, frames, at


def pax_records(data):
    records = {}
    while data:
        length, _, rest = data.partition(b' ')
        keyword, _, value = rest[: int(length) - len(length) - 1].partition(b'=')
        records[keyword] = value[:-1]
        data = data[int(length) :]
    return records


def read_members(stream):
    """The members of the tar stream, by their headers ("Tar stream")."""
    at, pax, members = 0, {}, []
    field = lambda start, length: stream[at + start : at + start + length].split(b'\0')[0]
    number = lambda start, length: int(field(start, length).strip(b' ') or b'0', 8)
    while any(stream[at : at + 512]):
        require(sum(stream[at : at + 148]) + 256 + sum(stream[at + 156 : at + 512]) == number(148, 8), 'a bad header')
        flag, size = stream[at + 156 : at + 157], int(pax.get(b'size', b'0')) or number(124, 12)
        content = at + 512
        if flag == b'x':
            pax = pax_records(stream[content : content + size])
        else:
            prefix = field(345, 155)
            path = pax.get(b'path', (prefix + b'/' if prefix else b'') + field(0, 100)).rstrip(b'/')
            kind = {b'0': b'file', b'5': b'directory', b'2': b'symlink', b'1': b'hardlink'}.get(flag)
            require(kind is not None, f'a member of type {flag!r}')
            seconds = int(pax[b'mtime']) if b'mtime' in pax else number(136, 12)
            target = pax.get(b'linkpath', field(157, 100)) if kind in (b'symlink', b'hardlink') else None
            members.append((path, kind, number(100, 8) & 0o7777, seconds, size, target, content))
            pax = {}
        at = content + (size + 511) // 512 * 512
    return members


def by_stream(archive):
    stream, blocks, end = read_blocks(archive)
    while archive[end + 8 : end + 12] != b'ZNFO':
        require(struct.unpack_from('<I', archive, end)[0] & ~0xF == 0x184D2A50, 'no skippable frame')
        end += 8 + struct.unpack_from('<I', archive, end + 4)[0]
    frames, entries = read_index(archive)
    check_names(entries)
    columns = ('stream_offset', 'stream_length', 'blob_offset', 'blob_length', 'checksum')
    require([tuple(frame[name] for name in columns) for frame in frames] == blocks, 'another frame table')
    names = ('path', 'kind', 'mode', 'seconds', 'size', 'target', 'stream_offset')
    indexed = [tuple({**e, 'seconds': e['mtime'] // 10**9}[name] for name in names) for e in entries]
    require(indexed == read_members(stream), 'an index that contradicts the tar stream')
    check_contents(stream, entries)
    return entries


def main():
    try:
        if sys.argv[1:] == ['stream']:
            entries = by_stream(sys.stdin.buffer.read())
        elif len(sys.argv) == 3 and sys.argv[1] == 'index':
            with open(sys.argv[2], 'rb') as file:
                entries = by_index(file.read())
        else:
            sys.exit(__doc__)
        lines = [line(entry) for entry in entries]
    # What the checks above do not foresee is no table of this format either.
    except (Damaged, struct.error, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        sys.exit(f'read.py: damaged: {error!r}')
    print('\n'.join(lines), end='\n' if lines else '')


if __name__ == '__main__':
    main()
