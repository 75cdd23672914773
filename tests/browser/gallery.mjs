// Writes the page that shows all pictures of a folder: one row for each page, light and dark, on a desk and on a phone.
//
//   node gallery.mjs FOLDER_OF_PICTURES

import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const LOOKS = ['light-desktop', 'dark-desktop', 'light-phone', 'dark-phone']
const ALONE = 'light-phone'

const [folder] = process.argv.slice(2)
const pictures = (await readdir(folder)).filter(name => name.endsWith('.webp')).map(name => name.slice(0, -'.webp'.length))
const whole = pictures.filter(name => name.endsWith(`-${LOOKS[0]}`)).map(name => name.slice(0, -LOOKS[0].length - 1)).sort()
const alone = pictures.filter(name => name.includes('.') && name.endsWith(ALONE)).sort()

const picture = (name, width) => `<img src="${name}.webp" width="${width}" alt="${name}">`
const row = name => `| ${name} | ${LOOKS.map(look => picture(`${name}-${look}`, look.endsWith('phone') ? 80 : 200)).join(' | ')} |`
const section = (title, names) => [`## ${title}`, '', `| | ${LOOKS.map(look => look.replace('-', ', ')).join(' | ')} |`,
  '| --- | --- | --- | --- | --- |', ...names.map(row), '']

const text = [
  '# Pictures of every page',
  '',
  '`tests/screenshots` makes them anew: of samples of each page (`crates/server/examples/pages`), and of the console as an operator',
  'walks through it. Nothing in them is real.',
  '',
  ...section('For people', whole.filter(name => !name.startsWith('console-'))),
  ...section('For operators', whole.filter(name => name.startsWith('console-'))),
  '## In other languages',
  '',
  ...alone.map(name => picture(name, 160)),
  '',
]
await writeFile(join(folder, 'README.md'), text.join('\n'))
