/**
 * Git's configuration files: the parts that ignore rules need (git-config(1), "Syntax").
 */
import type { ByteString } from '../format/values/byte-string.ts';

/** One variable, in the order of the file: `core.excludesfile` or `include.path`, in small letters. */
export interface GitVariable {
  key: string;
  value: ByteString;
}

/** Only sections without a subsection; the others do not matter here. */
const SECTION = /^\s*\[\s*([-.A-Za-z0-9]+)\s*\]/;
const OTHER_SECTION = /^\s*\[[^\]]*\]/;
const VARIABLE = /^\s*([A-Za-z][-A-Za-z0-9]*)\s*(?:=\s*(.*))?$/s;

/** Reads the variables from a file's content. Skips lines without a variable. */
export function parseGitConfig(content: ByteString): GitVariable[] {
  const variables: GitVariable[] = [];
  let section = '';
  // A backslash at the end of a line joins it with the next one.
  for (let line of content
    .replace(/^\xef\xbb\xbf/, '')
    .replace(/\\\r?\n/g, '')
    .split(/\r?\n/)) {
    const start = SECTION.exec(line);
    if (start !== null || OTHER_SECTION.test(line)) {
      section = start?.[1]?.toLowerCase() ?? '';
      line = line.replace(OTHER_SECTION, '');
    }
    const [, name, value] = VARIABLE.exec(line) ?? [];
    if (section === '' || name === undefined || value === undefined) continue;
    variables.push({ key: `${section}.${name.toLowerCase()}`, value: valueOf(value) });
  }
  return variables;
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', b: '\b' };

/** A value without its quotes, and without a comment or blanks at its end. */
function valueOf(text: ByteString): ByteString {
  let value = '';
  let kept = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"') quoted = !quoted;
    else if (character === '\\') {
      i += 1;
      value += ESCAPES[text.charAt(i)] ?? text.charAt(i);
      kept = value.length;
    } else if (!quoted && (character === '#' || character === ';')) break;
    else {
      value += character;
      if (quoted || !/\s/.test(character)) kept = value.length;
    }
  }
  return value.slice(0, kept);
}
