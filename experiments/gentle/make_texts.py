"""The three texts of the table in docs/METHOD.md, one document a line as a JSON string.

  make_texts.py essays COLLECTIONS_FOLDER > essays.jsonl     (src/corpus/sources/collections of this repository)
  make_texts.py sections FILE... > tutorial.jsonl            (reStructuredText with underlined headings: a document a section)
  make_texts.py foldoc FILE > foldoc.jsonl                   (foldoc.dict.dz of Debian's dict-foldoc)
"""

import glob
import gzip
import json
import random
import re
import sys

UNDERLINE = re.compile(r'^([=\-~^*"])\1{2,}\s*$')


def one_line(text):
    return re.sub(r'\s+', ' ', text).strip()


def paragraphs(text):
    return [one_line(part) for part in re.split(r'\n\s*\n', text)]


def essays(folder):
    for name in ('kitchen', 'shore', 'workshop'):
        with open(glob.glob(f'{folder}/{name}.json')[0]) as file:
            yield from (' '.join(document['paragraphs']) for document in json.load(file)['documents'])


def sections(*files):
    lines = [line for name in files for line in open(name).read().split('\n')]
    section, previous = [], []
    for i, line in enumerate(lines):
        if line.strip() and i + 1 < len(lines) and UNDERLINE.match(lines[i + 1]):
            previous.append(section)
            section = []
        elif not UNDERLINE.match(line):
            section.append(line)
    for body in [*previous, section]:
        prose = '\n'.join(line for line in body if not line.startswith(('   ', '>>>', '...')))
        kept = [re.sub(r'\s*::$', ':', p) for p in paragraphs(prose) if len(p) > 60 and not p.startswith('..')]
        if len(' '.join(kept)) > 350:
            yield ' '.join(kept)[:3000]


def foldoc(file):
    with gzip.open(file) as packed:
        lines = packed.read().decode(errors='replace').split('\n')
    entries, entry = [], []
    for line in lines:
        if line and not line.startswith(' '):
            if any(part.strip() for part in entry):
                entries.append(entry)
                entry = []
        else:
            entry.append(line)
    for body in [*entries, entry]:
        text = re.sub(r'^\s*(<[^>]*>\s*)+', '', '\n'.join(body))
        text = re.sub(r'\(\d{4}-\d\d-\d\d\)', '', re.sub(r'[{}]', '', text))
        kept = [p for p in paragraphs(text) if prose_of_foldoc(p)]
        if len(' '.join(kept)) > 450:
            yield ' '.join(kept)[:2500]


def prose_of_foldoc(paragraph):
    if len(paragraph) <= 60 or re.match(r'(See also|E-mail|Home|Contrast|\(?http|Mailing|Usenet)', paragraph):
        return False
    return sum(c.isalpha() or c == ' ' for c in paragraph) / len(paragraph) > 0.88


if __name__ == '__main__':
    makers = {'essays': (essays, 1), 'sections': (sections, 3), 'foldoc': (foldoc, 2)}
    maker, seed = makers[sys.argv[1]]
    found = list(maker(*sys.argv[2:]))
    random.Random(seed).shuffle(found)
    print('\n'.join(map(json.dumps, found)))
