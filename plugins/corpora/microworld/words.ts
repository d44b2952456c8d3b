/**
 * The vocabulary of the micro-language: a few hundred words, so that a 1,024-token vocabulary holds
 * nearly all of them whole.
 *
 * People of the fixed world have invented names; people in stories have common ones, so that what
 * happens to Ann today cannot contradict what the world knows about Velka. Every noun that takes
 * "a" begins with a consonant.
 */

/** A character of a story. */
export interface Character {
  readonly name: string;
  readonly pronoun: "He" | "She";
}

const CHARACTER_WOMEN = "Ann Mia Eva Lily Rose Nora Ella Zoe Kate Jane".split(" ");
const CHARACTER_MEN = "Ben Tom Leo Max Jack Paul Finn Karl Hugo Sam".split(" ");

/** Who appears in stories and sums. */
export const CHARACTERS: readonly Character[] = [
  ...CHARACTER_WOMEN.map((name) => ({ name, pronoun: "She" } as const)),
  ...CHARACTER_MEN.map((name) => ({ name, pronoun: "He" } as const)),
];

/** Where stories happen; each can be said as "in the ...". */
export const PLACES: readonly string[] =
  "kitchen garden barn attic cellar hall school market library mill park shop".split(" ");

/** What characters carry about. */
export const OBJECTS: readonly string[] = "ball book cup key lamp hat coin bell rope drum map ring"
  .split(" ");

/** Colours of boxes, animals and flags. */
export const COLOURS: readonly string[] = "red blue green white black brown grey yellow".split(" ");

/** Animals of the real world, for stories. */
export const PETS: readonly string[] = "dog cat horse goat hen duck pig sheep".split(" ");

/** Relations between characters that hold inside one story. */
export const ROLES: readonly string[] = "teacher neighbour cousin doctor boss brother".split(" ");

/** Things to count: plural, and at least two of them wherever they appear. */
export const COUNTABLES: readonly string[] =
  "apples pears plums eggs nuts coins cups books stones shells cards balls".split(" ");

/** What countable things come in. */
export const HOLDERS: readonly string[] = "boxes bags baskets jars".split(" ");

/** Small numbers in words, for counting; the index is the number. */
export const NUMBER_WORDS: readonly string[] = "zero one two three four five six seven".split(" ");

/** A quality that orders people: the two directions and their ends. */
export interface Quality {
  readonly more: string;
  readonly less: string;
  readonly most: string;
  readonly least: string;
}

/** Qualities by which characters are compared. */
export const QUALITIES: readonly Quality[] = [
  { more: "taller", less: "shorter", most: "tallest", least: "shortest" },
  { more: "older", less: "younger", most: "oldest", least: "youngest" },
  { more: "faster", less: "slower", most: "fastest", least: "slowest" },
];

/** Women of the fixed world. */
export const WORLD_WOMEN: readonly string[] =
  "Velka Sorna Miral Oda Tesha Runa Elwen Kessa Brina Lorra Yanna Dela Ishra Nemi Hedra Pola Ursa Zella"
    .split(" ");

/** Men of the fixed world. */
export const WORLD_MEN: readonly string[] =
  "Doran Balik Korvin Tamo Ruvik Jorun Selmo Hadrik Pavo Orlan Stegan Wendo Garum Ludvo Narek Bodrin Imber Zorin"
    .split(" ");

/** Lands of the fixed world. */
export const LANDS: readonly string[] = "Arvenia Boland Cardun Estmark Hollin Sundria".split(" ");

/** Rivers of the fixed world, one for each land. */
export const RIVERS: readonly string[] = "Aru Brak Culm Dovy Leth Marn".split(" ");

/** Towns of the fixed world, four for each land. */
export const TOWNS: readonly string[] =
  ("Velmar Torrin Askel Brunmoor Dunwick Elmsea Farrow Gollan Harth Ironby Jorvale Kelmouth " +
    "Lindow Marby Norwell Ostrand Pelworth Redwater Stonely Tarnfield Ulmer Wexby Yarrow Zeln")
    .split(" ");

/** What towns sell. */
export const GOODS: readonly string[] = "honey salt glass wool paper silver soap cheese oil tea"
  .split(" ");

/** What stands in towns. */
export const BUILDINGS: readonly string[] = "tower bridge temple gate castle clock fort well".split(
  " ",
);

/** When towns hold their fair. */
export const SEASONS: readonly string[] = "spring summer autumn winter".split(" ");

/** Animals of the fixed world. */
export const WORLD_ANIMALS: readonly string[] =
  "molvek tarnok silba grune pelfin wibbet quorl drasken lumo fennik harl zimbo korla nubb sporrel vask"
    .split(" ");

/** Kinds of animals. */
export const ANIMAL_KINDS: readonly string[] = "bird fish lizard frog beetle snake".split(" ");

/** Where animals come from. */
export const HABITATS: readonly string[] = "forest marsh hills desert caves sea".split(" ");

/** What animals eat. */
export const FOODS: readonly string[] = "seeds snails grass berries roots leaves flies moss".split(
  " ",
);

/** A craft, what it works with, its tool and what it makes. */
export interface CraftWords {
  readonly name: string;
  readonly material: string;
  readonly tool: string;
  readonly makes: string;
}

/** The crafts of the fixed world. */
export const CRAFTS: readonly CraftWords[] = [
  { name: "potter", material: "clay", tool: "wheel", makes: "bowls" },
  { name: "smith", material: "iron", tool: "hammer", makes: "knives" },
  { name: "weaver", material: "wool", tool: "loom", makes: "blankets" },
  { name: "baker", material: "flour", tool: "stove", makes: "bread" },
  { name: "joiner", material: "wood", tool: "saw", makes: "tables" },
  { name: "mason", material: "stone", tool: "chisel", makes: "walls" },
  { name: "tailor", material: "cloth", tool: "needle", makes: "coats" },
  { name: "painter", material: "colours", tool: "brush", makes: "pictures" },
  { name: "cobbler", material: "leather", tool: "knife", makes: "shoes" },
  { name: "gardener", material: "soil", tool: "spade", makes: "flower beds" },
];
