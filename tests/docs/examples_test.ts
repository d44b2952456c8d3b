/** The READMEs of example projects, followed word by word in a copy of the project. */

import { EXAMPLES, testFollowed } from "./followed.ts";

for (const example of EXAMPLES) testFollowed(example);
