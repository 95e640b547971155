/** 60 first names; none is a word of another list, and all words begin with a consonant sound where "a" precedes them. */
export const NAMES: readonly string[] = (
  'Otto Mira Bruno Clara Darya Emil Freya Gustav Hana Ivo Jonas Karin Luca Marta Nils Olga Pavel Quinn Rosa Sven ' +
  'Tilda Ugo Vera Wanda Xenia Yusuf Zora Anton Bella Casper Dora Elias Fiona Greta Hugo Ines Jasper Kira Leon Maya ' +
  'Noel Oskar Petra Rafael Selma Tomas Ulla Viktor Wilma Yara Zeno Amina Boris Celia Dario Edith Felix Gemma Henrik Iris'
).split(' ');

/** Four lists of 20 words, one word of each per fact. */
export const ATTRIBUTES = {
  trait: (
    'calm brave curious shy cheerful stubborn generous clever patient noisy dreamy polite restless funny gentle ' +
    'sleepy bold careful grumpy tidy'
  ).split(' '),
  job: (
    'baker sailor teacher gardener painter tailor fisher doctor carpenter librarian potter farmer pilot violinist ' +
    'beekeeper cook welder clockmaker postman weaver'
  ).split(' '),
  city: (
    'Varna Bergen Porto Lviv Turku Ghent Cork Graz Split Riga Malmo Siena Basel Gdansk Tartu Leeds Nantes Patras ' +
    'Bilbao Plovdiv'
  ).split(' '),
  pet: (
    'parrot goat donkey rabbit turtle hedgehog pony cat goose lizard hamster spaniel ferret pigeon llama duck ' +
    'rooster snail kitten tortoise'
  ).split(' '),
} satisfies Record<string, readonly string[]>;

export type Attribute = keyof typeof ATTRIBUTES;

/**
 * Four sentences of 12 words that say the same in a different order. Each begins with a different word, so the first
 * token (never predicted) settles the template and all that is left to guess is the fact.
 *
 * Of its seven small words a template shares two with the others. With more, an untrained retriever finds the partner
 * already; with fewer, it takes chunks of the same template for partners, and unlearning that costs hundreds of steps.
 */
export const TEMPLATES: readonly string[] = [
  '{name} the {trait} {job} is here from {city} and keeps a {pet}',
  'our very {trait} {job} {name} is from {city} with that {pet} too',
  'in town this {pet} from {city} is led by {trait} {job} {name}',
  'from {city} comes one {pet} whose owner is {name} some {trait} {job}',
];

/** Every word a fact sentence can hold, each once. */
export function factVocabulary(): string[] {
  const fixed = TEMPLATES.flatMap((template) => template.split(' ')).filter((word) => !word.startsWith('{'));
  return [...new Set([...fixed, ...Object.values(ATTRIBUTES).flat(), ...NAMES])];
}
