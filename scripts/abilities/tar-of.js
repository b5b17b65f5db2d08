/**
 * Writes a tar stream with members of any kind to standard output: each argument is a member as JSON. For what the table of
 * foreign members asks: most of it is what no program writes as a matter of course.
 */

/**
 * @typedef {object} Member
 * @property {string} name
 * @property {string} [type] its type flag; default: a file
 * @property {string} [content]
 * @property {number} [size] that the header states; default: that of the content
 * @property {string} [link]
 * @property {[keyword: string, value: string][]} [pax] records before it
 * @property {Record<string, string>} [fields] by offset, in the header
 */

const RECORD = 512;

/** @param {string} text */
function padded(text) {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([bytes, Buffer.alloc((RECORD - (bytes.length % RECORD)) % RECORD)]);
}

/** @param {[string, string][]} records */
function paxOf(records) {
  return records
    .map(([keyword, value]) => {
      const rest = ` ${keyword}=${value}\n`;
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length += 1;
      return `${length}${rest}`;
    })
    .join('');
}

/**
 * @param {Member} member
 * @returns {Buffer}
 */
function encode({ name, type = '0', content = '', size = content.length, link = '', pax, fields = {} }) {
  const header = Buffer.alloc(RECORD);
  header.write(name, 0);
  header.write('0000644', 100);
  header.write('0000000', 108);
  header.write('0000000', 116);
  header.write(size.toString(8).padStart(11, '0'), 124);
  header.write('14000000000', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write(fields['257'] ?? 'ustar\x0000', 257, 'latin1');
  for (const [offset, bytes] of Object.entries(fields)) header.write(bytes, Number(offset), 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const own = Buffer.concat([header, padded(content)]);
  if (pax === undefined) return own;
  return Buffer.concat([encode({ name: 'PaxHeaders/x', type: 'x', content: paxOf(pax) }), own]);
}

const members = process.argv.slice(2).map((text) => encode(JSON.parse(text)));
process.stdout.write(Buffer.concat([...members, Buffer.alloc(2 * RECORD)]));
