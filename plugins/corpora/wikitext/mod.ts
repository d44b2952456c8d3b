/**
 * WikiText: good and featured articles of Wikipedia, a line a row, with all their words (Merity et
 * al. 2016, https://arxiv.org/abs/1609.07843), from
 * https://huggingface.co/datasets/Salesforce/wikitext.
 *
 * `wikitext103` has some 28,000 articles for training, `wikitext2` 600 of them; validation and test
 * are the same 60 articles each in both.
 */
export { openWikitext, type WikitextOptions } from "./corpus.ts";
export {
  WIKITEXT_CONFIGURATIONS,
  WIKITEXT_DATASET,
  wikitextFiles,
  type WikitextName,
} from "./files.ts";
