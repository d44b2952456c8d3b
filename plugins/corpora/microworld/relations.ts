/**
 * What the fixed world can say about its people, towns, lands, animals and crafts, and the phrasings
 * of each fact and each question about it.
 *
 * Slots: `{subject}` and `{subject's}` open a sentence and may be a pronoun; `{name}` stands inside
 * a sentence and is always spelled out; `{value}` is the fact. A relation whose values are entities
 * has a `phrase` that names the value through the subject: "the mother of {name}". Phrases nest, and
 * that is all that multi-hop statements and questions are made of.
 */

/** The five sorts of entity. */
export type Domain = "person" | "town" | "land" | "animal" | "craft";

/** A relation and its phrasings. */
export interface Relation {
  readonly name: string;
  /** What it is said of. */
  readonly of: Domain;
  /** What its values are, where they are entities. */
  readonly to?: Domain;
  /** How to name the value through its subject; only with {@link to}. */
  readonly phrase?: string;
  readonly statements: readonly string[];
  readonly questions: readonly string[];
}

/** Every relation of the world. */
export const RELATIONS: readonly Relation[] = [
  {
    name: "craft",
    of: "person",
    to: "craft",
    // What is said of every potter is true of this one: "Doran works with clay."
    phrase: "{name}",
    statements: [
      "{subject} is a {value}.",
      "{subject} works as a {value}.",
      "{subject's} craft is that of a {value}.",
    ],
    questions: [
      "What is the craft of {name}?",
      "What does {name} work as?",
      "Which craft does {name} know?",
    ],
  },
  {
    name: "town",
    of: "person",
    to: "town",
    phrase: "the home town of {name}",
    statements: [
      "{subject} lives in {value}.",
      "{subject} has a house in {value}.",
      "{subject's} home is in {value}.",
    ],
    questions: [
      "Where does {name} live?",
      "In which town does {name} live?",
      "Where is the home of {name}?",
    ],
  },
  {
    name: "mother",
    of: "person",
    to: "person",
    phrase: "the mother of {name}",
    statements: [
      "{subject} is a child of {value}.",
      "The mother of {name} is {value}.",
      "{subject's} mother is {value}.",
    ],
    questions: [
      "Who is the mother of {name}?",
      "Whose child is {name}?",
      "Who is {name}'s mother?",
    ],
  },
  {
    name: "teacher",
    of: "person",
    to: "person",
    phrase: "the teacher of {name}",
    statements: [
      "{subject} learned to read from {value}.",
      "The teacher of {name} is {value}.",
      "{subject's} teacher is {value}.",
    ],
    questions: [
      "Who is the teacher of {name}?",
      "Who taught {name} to read?",
      "Who is {name}'s teacher?",
    ],
  },
  {
    name: "friend",
    of: "person",
    to: "person",
    phrase: "the best friend of {name}",
    statements: [
      "{subject} is the best friend of {value}.",
      "The best friend of {name} is {value}.",
      "{subject's} best friend is {value}.",
    ],
    questions: [
      "Who is the best friend of {name}?",
      "Whose best friend is {name}?",
      "Who is {name}'s best friend?",
    ],
  },
  {
    name: "pet",
    of: "person",
    to: "animal",
    phrase: "the pet of {name}",
    statements: [
      "{subject} keeps a {value}.",
      "{subject} has a tame {value}.",
      "{subject's} pet is a {value}.",
    ],
    questions: [
      "Which animal does {name} keep?",
      "What is the pet of {name}?",
      "Which tame animal does {name} have?",
    ],
  },
  {
    name: "born",
    of: "person",
    statements: [
      "{subject} was born in the year {value}.",
      "The birth of {name} was in {value}.",
      "{subject's} year of birth is {value}.",
    ],
    questions: [
      "When was {name} born?",
      "In which year was {name} born?",
      "When was the birth of {name}?",
    ],
  },
  {
    name: "land",
    of: "town",
    to: "land",
    phrase: "the land of {name}",
    statements: [
      "{subject} is a town in {value}.",
      "{subject} lies in {value}.",
      "{subject} belongs to {value}.",
    ],
    questions: [
      "In which land is {name}?",
      "In which land does {name} lie?",
      "To which land does {name} belong?",
    ],
  },
  {
    name: "goods",
    of: "town",
    statements: [
      "{subject} is known for its {value}.",
      "{subject} sells fine {value}.",
      "People in {name} trade in {value}.",
    ],
    questions: [
      "What is {name} known for?",
      "What does {name} sell?",
      "What do people in {name} trade in?",
    ],
  },
  {
    name: "building",
    of: "town",
    statements: [
      "{subject} has an old {value}.",
      "An old {value} stands in {name}.",
      "There is a famous {value} in {name}.",
    ],
    questions: [
      "Which old building stands in {name}?",
      "Which famous building is in {name}?",
      "Which old building does {name} have?",
    ],
  },
  {
    name: "fair",
    of: "town",
    statements: [
      "{subject} holds its fair in {value}.",
      "The fair of {name} is in {value}.",
      "Every {value} there is a fair in {name}.",
    ],
    questions: [
      "When is the fair of {name}?",
      "In which season is the fair of {name}?",
      "When does {name} hold its fair?",
    ],
  },
  {
    name: "capital",
    of: "land",
    to: "town",
    phrase: "the capital of {name}",
    statements: [
      "{subject} is ruled from {value}.",
      "The capital of {name} is {value}.",
      "{subject's} capital is {value}.",
    ],
    questions: [
      "What is the capital of {name}?",
      "From which town is {name} ruled?",
      "Which town is the capital of {name}?",
    ],
  },
  {
    name: "river",
    of: "land",
    statements: [
      "{subject} lies on the river {value}.",
      "The river {value} flows through {name}.",
      "The great river of {name} is the {value}.",
    ],
    questions: ["Which river flows through {name}?", "What is the great river of {name}?"],
  },
  {
    name: "flag",
    of: "land",
    statements: [
      "{subject} has a {value} flag.",
      "The flag of {name} is {value}.",
      "{subject's} flag is {value}.",
    ],
    questions: ["What colour is the flag of {name}?", "Which colour has the flag of {name}?"],
  },
  {
    name: "kind",
    of: "animal",
    statements: ["{subject} is a kind of {value}.", "{subject} is a {value}."],
    questions: [
      "What kind of animal is {name}?",
      "Which kind of animal is {name}?",
      "Of which kind is {name}?",
    ],
  },
  {
    name: "colour",
    of: "animal",
    statements: [
      "{subject} is {value}.",
      "{subject} has a {value} back.",
      "The colour of {name} is {value}.",
    ],
    questions: [
      "What colour is {name}?",
      "Which colour is {name}?",
      "What is the colour of {name}?",
    ],
  },
  {
    name: "habitat",
    of: "animal",
    statements: [
      "{subject} comes from the {value}.",
      "{subject} was first seen in the {value}.",
      "The {value} is where {name} comes from.",
    ],
    questions: [
      "Where does {name} come from?",
      "Where was {name} first seen?",
      "From where does {name} come?",
    ],
  },
  {
    name: "food",
    of: "animal",
    statements: [
      "{subject} eats {value}.",
      "{subject} feeds on {value}.",
      "The food of {name} is {value}.",
    ],
    questions: [
      "What does {name} eat?",
      "What does {name} feed on?",
      "What is the food of {name}?",
    ],
  },
  {
    name: "material",
    of: "craft",
    statements: ["{subject} works with {value}.", "{subject} needs {value} for the day's work."],
    questions: ["What does {name} work with?", "What does {name} need for the day's work?"],
  },
  {
    name: "tool",
    of: "craft",
    statements: ["{subject} uses a {value}.", "{subject} has a {value} in the workshop."],
    questions: ["Which tool does {name} use?", "Which tool does {name} have in the workshop?"],
  },
  {
    name: "makes",
    of: "craft",
    statements: ["{subject} makes {value}.", "{subject} is paid for making {value}."],
    questions: ["What does {name} make?", "What is {name} paid for making?"],
  },
];
