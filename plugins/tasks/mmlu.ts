/**
 * MMLU (Hendrycks et al. 2021, arXiv 2009.03300): 57 subjects with four choices a question, asked for
 * by their letters. Counted as lm-evaluation-harness counts it (task version 1, groups version 2).
 */

import { z } from "zod";
import { type Task, type TaskGroup, type TaskRow, UserError } from "../../core/contracts/mod.ts";
import { checkedRow, choiceTask, strip } from "../../core/eval/harness/mod.ts";

const LETTERS = ["A", "B", "C", "D"];

/** Subjects by category, in the order of the harness. */
const SUBJECTS = {
  stem: [
    "abstract_algebra",
    "anatomy",
    "astronomy",
    "college_biology",
    "college_chemistry",
    "college_computer_science",
    "college_mathematics",
    "college_physics",
    "computer_security",
    "conceptual_physics",
    "electrical_engineering",
    "elementary_mathematics",
    "high_school_biology",
    "high_school_chemistry",
    "high_school_computer_science",
    "high_school_mathematics",
    "high_school_physics",
    "high_school_statistics",
    "machine_learning",
  ],
  other: [
    "business_ethics",
    "clinical_knowledge",
    "college_medicine",
    "global_facts",
    "human_aging",
    "management",
    "marketing",
    "medical_genetics",
    "miscellaneous",
    "nutrition",
    "professional_accounting",
    "professional_medicine",
    "virology",
  ],
  "social_sciences": [
    "econometrics",
    "high_school_geography",
    "high_school_government_and_politics",
    "high_school_macroeconomics",
    "high_school_microeconomics",
    "high_school_psychology",
    "human_sexuality",
    "professional_psychology",
    "public_relations",
    "security_studies",
    "sociology",
    "us_foreign_policy",
  ],
  humanities: [
    "formal_logic",
    "high_school_european_history",
    "high_school_us_history",
    "high_school_world_history",
    "international_law",
    "jurisprudence",
    "logical_fallacies",
    "moral_disputes",
    "moral_scenarios",
    "philosophy",
    "prehistory",
    "professional_law",
    "world_religions",
  ],
} as const;

const schema = z.object({
  question: z.string(),
  choices: z.array(z.string()).length(4),
  answer: z.int().min(0).max(3),
  subject: z.string().optional(),
});

type Question = z.output<typeof schema>;

/** A row of the published CSV files, `question,A,B,C,D,answer`, in the form that the hub has. */
function fromCells(row: TaskRow, subject: string): TaskRow {
  if ("choices" in row || !LETTERS.every((letter) => letter in row)) return row;
  const answer = LETTERS.indexOf(String(row["answer"]));
  if (answer < 0) throw new UserError(`column "answer": "${row["answer"]}" is none of A, B, C, D`);
  const choices = LETTERS.map((letter) => row[letter]);
  return { question: row["question"], subject, choices, answer };
}

function subjectTask(subject: string): Task<Question> {
  const words = subject.replaceAll("_", " ");
  return choiceTask<Question>({
    name: `mmlu_${subject}`,
    alias: subject,
    description: `MMLU: ${words}`,
    version: 1,
    dataset: {
      folder: "mmlu",
      hub: "cais/mmlu",
      config: subject,
      columns: ["question", ...LETTERS, "answer"],
      fromCells: (row) => fromCells(row, subject),
    },
    split: "test",
    shots: { split: "dev", count: 0, draw: "first" },
    preamble: `The following are multiple choice questions (with answers) about ${words}.\n\n`,
    document(row) {
      const doc = checkedRow(schema, row);
      // One file with all subjects in it would be asked 57 times.
      if (!doc.subject || doc.subject === subject) return doc;
      throw new UserError(`column "subject": it is "${doc.subject}", not "${subject}"`);
    },
    question: ({ question, choices }) =>
      [
        strip(question),
        ...choices.map((choice, i) => `${LETTERS[i]}. ${choice}`),
        "Answer:",
      ].join("\n"),
    choices: () => LETTERS,
    gold: ({ answer }) => answer,
  });
}

/** A task for each subject. */
export const mmluTasks: readonly Task[] = Object.values(SUBJECTS).flat()
  .map((subject) => subjectTask(subject) as Task);

const CATEGORIES = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[];

/** The four categories, and all of them together. */
export const mmluGroups: readonly TaskGroup[] = [
  ...CATEGORIES.map((category): TaskGroup => ({
    name: `mmlu_${category}`,
    alias: category.replaceAll("_", " "),
    description: `MMLU: ${SUBJECTS[category].length} subjects of ${category.replaceAll("_", " ")}`,
    version: "2",
    members: SUBJECTS[category].map((subject) => `mmlu_${subject}`),
    metrics: ["acc"],
  })),
  {
    name: "mmlu",
    description: "MMLU: all 57 subjects; usually with --num-fewshot 5",
    version: "2",
    members: CATEGORIES.map((category) => `mmlu_${category}`),
    metrics: ["acc"],
  },
];
