// Makes the reference of docs/library.md, below its mark, of the comments in the types that the build makes. What is exported
// and has no comment is an error. `npm run reference` writes it; with --check it only says whether it is up to date.
//
// By the compiler of ts-morph, because TypeScript 7 has no API for programs yet.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { ts } from 'ts-morph';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs/library.md');
const TYPES = join(ROOT, 'dist/types/index.d.ts');
const MARK = '<!-- Below: made by `npm run reference` of the comments in src/. -->\n';

const program = ts.createProgram([TYPES], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: ['node'],
  strict: true,
});
const checker = program.getTypeChecker();
const missing = [];

/** The text of a comment; `owner` is for the message where there is none. */
function textOf(symbol, owner) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  if (text === '') missing.push(owner);
  return text;
}

function exampleOf(symbol) {
  const tag = symbol.getJsDocTags(checker).find(({ name }) => name === 'example');
  return tag === undefined ? '' : `\n\n${block(ts.displayPartsToString(tag.text).trim())}`;
}

function block(code) {
  return `\`\`\`ts\n${code}\n\`\`\``;
}

/** A type or parameter as it is declared, on one line. What is optional need not say that it may be undefined. */
function inline(node, isOptional = node.questionToken !== undefined) {
  const text = node.getText().replace(/\s+/g, ' ').replace(/;$/, '');
  return isOptional ? text.replace(/ \| undefined$/, '').replace(/^\((.*=> .*)\)$/, '$1') : text;
}

/** The parameters and result of what is called. */
function signatureOf(node, name) {
  const parameters = node.parameters.map((parameter) =>
    inline(parameter).replace(/\{[^{}]*\}(?=\??:)/, 'options'),
  );
  return `${name}(${parameters.join(', ')}): ${inline(node.type)}`;
}

function isShown(symbol) {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined || ts.isConstructorDeclaration(declaration)) return false;
  return !symbol.name.startsWith('#') && symbol.name !== 'prototype' && !symbol.name.startsWith('__#');
}

/** The name of a member as it is written. */
function nameOf(symbol) {
  const { name } = symbol.declarations[0];
  return name === undefined ? symbol.name : name.getText();
}

/** Fields, each on a line: name, type, what it is. */
function fieldsOf(type, owner) {
  return checker
    .getPropertiesOfType(type)
    .filter(isShown)
    .map((property) => {
      const [declaration] = property.declarations;
      const optional = (property.flags & ts.SymbolFlags.Optional) === 0 ? '' : '?';
      const text = textOf(property, `${owner}.${property.name}`).replace(/\s+/g, ' ');
      const shown = ts.isMethodSignature(declaration)
        ? signatureOf(declaration, property.name)
        : `${property.name}${optional}: ${inline(declaration.type, optional !== '')}`;
      return `- \`${shown}\`: ${text}`;
    })
    .join('\n');
}

function isMethod(member) {
  return ts.isMethodDeclaration(member.declarations[0]);
}

function classOf(type, owner) {
  const members = checker.getPropertiesOfType(type).filter((member) => {
    const own = member.declarations?.every(
      (declaration) => !declaration.getSourceFile().fileName.includes('/lib.'),
    );
    return own === true && isShown(member);
  });
  const fields = members
    .filter((member) => !isMethod(member))
    .map((member) => {
      const [declaration] = member.declarations;
      const text = textOf(member, `${owner}.${member.name}`).replace(/\s+/g, ' ');
      return `- \`${nameOf(member)}: ${inline(declaration.type)}\`: ${text}`;
    });
  const methods = members.filter(isMethod).map((member) => {
    const [declaration] = member.declarations;
    const name = nameOf(member);
    const title = `${owner.toLowerCase()}${name.startsWith('[') ? '' : '.'}${name}()`;
    const text = textOf(member, `${owner}.${name}`);
    return `#### ${title}\n\n${block(signatureOf(declaration, name))}\n\n${text}${exampleOf(member)}`;
  });
  return [fields.join('\n'), ...methods].filter((part) => part !== '').join('\n\n');
}

function sectionOf(exported) {
  const symbol =
    (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
  const [declaration] = symbol.declarations;
  const { name } = exported;
  const text = textOf(symbol, name);
  if (ts.isFunctionDeclaration(declaration)) {
    return {
      kind: 'Functions',
      body: `### ${name}()\n\n${block(signatureOf(declaration, name))}\n\n${text}${exampleOf(symbol)}`,
    };
  }
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  if (ts.isClassDeclaration(declaration)) {
    return { kind: 'Classes', body: `### ${name}\n\n${text}${exampleOf(symbol)}\n\n${classOf(type, name)}` };
  }
  if (ts.isInterfaceDeclaration(declaration)) {
    return { kind: 'Types', body: `### ${name}\n\n${text}${exampleOf(symbol)}\n\n${fieldsOf(type, name)}` };
  }
  if (ts.isTypeAliasDeclaration(declaration)) {
    const code = declaration.getText().replace(/^export (?:declare )?/, '');
    return { kind: 'Types', body: `### ${name}\n\n${text}\n\n${block(code)}` };
  }
  return { kind: 'Values', body: `### ${name}\n\n${text}` };
}

const sections = checker
  .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(TYPES)))
  .map(sectionOf);
if (missing.length > 0) throw new Error(`exported without a comment: ${missing.join(', ')}`);
const reference = ['Functions', 'Classes', 'Types', 'Values']
  .map((kind) => {
    const bodies = sections.filter((section) => section.kind === kind).map(({ body }) => body);
    return `## ${kind}\n\n${bodies.join('\n\n')}`;
  })
  .join('\n\n');

const page = readFileSync(PAGE, 'utf8');
const start = page.indexOf(MARK);
if (start < 0) throw new Error(`${PAGE} has no line ${MARK}`);
const made = await format(`${page.slice(0, start)}${MARK}\n${reference}\n`, {
  ...(await resolveConfig(PAGE)),
  parser: 'markdown',
});
if (!process.argv.includes('--check')) writeFileSync(PAGE, made);
else if (made !== page) {
  process.stderr.write('docs/library.md is not what the comments say: run npm run reference\n');
  process.exitCode = 1;
}
