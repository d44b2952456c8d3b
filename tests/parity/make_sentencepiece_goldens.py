"""Makes goldens/sentencepiece: tiny SentencePiece models, and what Python makes of some texts.

Three byte-pair-encoding models are trained on lines that are written here; nothing is downloaded.
Ids come from transformers' slow LlamaTokenizer, with "legacy" both ways; decoded texts and the
beginnings of pieces from the sentencepiece library itself.

  versions   Python 3.11, sentencepiece 0.2.3, transformers 4.57.1 (5.x has no slow
             LlamaTokenizer), protobuf 7.36.2
  command    python3 tests/parity/make_sentencepiece_goldens.py
  date       2026-11-25
  layout     goldens/sentencepiece/MODEL/tokenizer.model and MODEL/cases.json: a list of
             {text, ids, newIds, decoded, begins}. newIds are with "legacy": false. decoded is the
             library's text of ids without the special ones. begins, for texts without special
             tokens, has the UTF-16 offset where each piece begins, or null for one without a
             surface (a byte that is not the last of its character, a dummy space).

The models:

  identity   no normalization, byte fallback, spaces are kept: Llama 2's settings
  nmt_nfkc   OpenLLaMA's settings (nmt_nfkc, extra spaces removed), but without byte fallback, and
             with user-defined, control and unused pieces. Of nmt_nfkc's rules only those for the
             characters of the texts below and their neighbours are kept: all of them take 240 KB.
  bare       identity without the dummy space, and with spaces that are not escaped
"""

import io
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from transformers import LlamaTokenizer

GOLDENS = Path(__file__).parent / "goldens" / "sentencepiece"

SEED = 20262
NORMAL, UNUSED = 1, 5
SPECIAL = ["<s>", "</s>", "<unk>"]

# Blocks whose characters nmt_nfkc rewrites in ways of every kind: controls, spaces, Latin-1,
# spacing marks, general punctuation, fractions, Hangul, ligatures, full width, mathematical letters.
BLOCKS = [(0x00, 0xFF), (0x2C0, 0x2DF), (0x2000, 0x206F), (0x2150, 0x2160), (0x2460, 0x2470),
          (0x2581, 0x2581), (0x3000, 0x3001), (0xAC00, 0xAC1C), (0xD55C, 0xD55C), (0xFB00, 0xFB06),
          (0xFEFF, 0xFEFF), (0xFF01, 0xFF40), (0x1D400, 0x1D40F)]
SEQUENCES = [letter + mark for letter in "aeiouAEIOU" for mark in "\u0300\u0301\u0308"]
SEQUENCES += ["a\u0308\u0301", "\u0308\u0301", "\u1112\u1161\u11ab", "\u304b\u3099"]

TEXTS = [
    "", " ", "  ", "   ", "\n", "\t", "\n\n", " \n ", "a", " a", "a ", "  a", "a  ", "a  b", "a   b",
    "the cat sat on the mat", "  the  cat   sat ", "The Cat", "the\ncat\n\n sat\tdown", "\r\nthe\r",
    "seven dogs, 12 birds and 3456 rivers.", "(old) - \"new\"!", "thethethe", "aaaaaaaaaa", "zzz",
    "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me", "\u00bd cup of \u00bc", "\ufb01sh \ufb03",
    "\u2460\u2461 \u24ff", "\uff21\uff22\uff11 the\u3000cat", "a\u00a0b\u2003c\u2028d", "\u200bthe\u200dcat",
    "a\u00adb", "\ufeffthe", "the\ufeff", "\u00b4\u02d8", "\u1112\u1161\u11ab\uae00", "\uac00\uac01 \ud55c",
    "\u304b\u3099\u304c", "\U0001d400\U0001d401c", "a\u0308\u0301", "\u0308\u0301x", "\U0001f600", "the \U0001f600\U0001f600 cat",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u4e2d\u6587 the", "\u043d\u0435\u0449\u043e", "\ufffd", "\u0000", "a\u0000b", "\u0001the\u007f",
    "\u2581", "\u2581\u2581", "the\u2581cat", "\u2581the", " \u2581 the", "<0x41>", "<0xE2>", "<pad>", "a<pad>b", "@-@", "a @-@ b",
    "@-@@-@", "one small bird", "one  small  bird", "xone smally", "the @", "@-", "<s", "s>",
    "<s>", "</s>", "<unk>", "<s>the", "the<s>", "<s> the </s>", "the</s> cat<unk> ", " <s>the", "  <unk>  the",
    "<s><s></s>", "a<s>\u2581</s>b", "caf\u00e9</s>caf\u00e9", "\U0001f600<unk>\u00bd", "<<s>>",
]


def training_lines(generator: random.Random) -> list[str]:
    words = ("the cat sat on a mat while seven old dogs ran after one small bird near that river and "
             "then there was another thing they had never seen before in this garden").split()
    syllables = "ba be ka ki lo mu ne pa ri sto tra ven wi zo ing er est".split()
    words += ["".join(generator.choices(syllables, k=generator.randint(2, 4))) for _ in range(60)]
    marks = [".", ",", "!", "?", " -", ";"]
    lines = []
    for _ in range(400):
        line = [generator.choice(words) for _ in range(generator.randint(4, 14))]
        if generator.random() < 0.3:
            line.insert(1, str(generator.randint(0, 9999)))
        if generator.random() < 0.2:
            line.append("caf\u00e9")
        text = " ".join(line) + generator.choice(marks)
        lines.append(text.capitalize() if generator.random() < 0.3 else text)
    return lines


def train(**settings: object) -> proto.ModelProto:
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training_lines(random.Random(SEED))), model_writer=writer,
        model_type="bpe", vocab_size=400, character_coverage=1.0, split_digits=True, num_threads=1,
        minloglevel=2, **settings)
    model = proto.ModelProto.FromString(writer.getvalue())
    # Where it was trained is nobody's business.
    model.trainer_spec.ClearField("model_prefix")
    return model


def rules_of_nmt_nfkc() -> str:
    """Its rules for BLOCKS and SEQUENCES, in the format of a normalization_rule_tsv."""
    normalizer = sentencepiece.SentencePieceNormalizer(
        rule_name="nmt_nfkc", add_dummy_prefix=False, escape_whitespaces=False,
        remove_extra_whitespaces=False)
    characters = [chr(code) for first, last in BLOCKS for code in range(first, last + 1)]
    lines = []
    for source in characters + SEQUENCES:
        result = normalizer.normalize(source)
        if result != source and source != "\u0000":
            codes = [" ".join(f"{ord(c):X}" for c in text) for text in (source, result)]
            lines.append("\t".join(codes))
    return "\n".join(lines) + "\n"


def make_models() -> dict[str, proto.ModelProto]:
    identity = train(normalization_rule_name="identity", byte_fallback=True,
                     remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        rules.write(rules_of_nmt_nfkc())
        rules.flush()
        nmt_nfkc = train(normalization_rule_tsv=rules.name, remove_extra_whitespaces=True,
                         user_defined_symbols=["@-@", "small bird", "\u00bc"],
                         control_symbols=["<pad>"])
    nmt_nfkc.normalizer_spec.ClearField("normalization_rule_tsv")
    long = [piece for piece in nmt_nfkc.pieces if piece.type == NORMAL and len(piece.piece) > 2]
    for piece in long[::5]:
        piece.type = UNUSED
    bare = proto.ModelProto()
    bare.CopyFrom(identity)
    bare.normalizer_spec.add_dummy_prefix = False
    bare.normalizer_spec.escape_whitespaces = False
    return {"identity": identity, "nmt_nfkc": nmt_nfkc, "bare": bare}


def begins(library: sentencepiece.SentencePieceProcessor, text: str) -> list[int | None] | None:
    if any(token in text for token in SPECIAL):
        return None
    pieces = library.encode(text, return_type="proto").pieces
    return [None if piece.begin == piece.end else utf16(text, piece.begin) for piece in pieces]


def utf16(text: str, offset: int) -> int:
    """An offset in UTF-8 as one in UTF-16."""
    return len(text.encode()[:offset].decode().encode("utf-16-le")) // 2


def main() -> None:
    for name, model in make_models().items():
        folder = GOLDENS / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "tokenizer.model"
        path.write_bytes(model.SerializeToString(deterministic=True))
        library = sentencepiece.SentencePieceProcessor(model_file=str(path))
        slow = LlamaTokenizer(str(path))
        new = LlamaTokenizer(str(path), legacy=False)
        cases = []
        for text in TEXTS:
            ids = slow.encode(text, add_special_tokens=False)
            cases.append({
                "text": text,
                "ids": ids,
                "newIds": new.encode(text, add_special_tokens=False),
                "decoded": library.decode([i for i in ids if i not in slow.all_special_ids]),
                "begins": begins(library, text),
            })
        lines = ",\n".join(json.dumps(case) for case in cases)
        (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
