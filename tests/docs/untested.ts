/** Why some commands of the docs are not run. Every other one is. */

/** Commands of a kind, and a reason. */
export interface Untested {
  readonly commands: RegExp;
  readonly reason: string;
}

/** Commands that nothing of this repository answers for: not run, and not looked at either. */
export const FOREIGN: readonly Untested[] = [
  { commands: /^npm pack /, reason: "downloads a package" },
  { commands: /^cp /, reason: "puts files in place that such a package brings" },
  { commands: /^python3 -m http\.server/, reason: "serves until it is stopped" },
  { commands: /^python3 -c '\nfrom transformers /, reason: "downloads a checkpoint" },
  { commands: /^tensorboard /, reason: "is TensorBoard's own command" },
  {
    commands: /^(npx -y deno@\S+|deno) task (test|ci|full-size|parity:lm-eval)\b/,
    reason: "is a test itself",
  },
];

/** Commands of pages that are followed, whose script and options are checked only. */
export const NOT_FOLLOWED: readonly Untested[] = [
  { commands: / --model \.\/opt-125m /, reason: "needs the checkpoint that was downloaded" },
];
