"""Texts that encoders easily get wrong, on which two of them are compared."""

from __future__ import annotations

from pipeline.text.tokenizer import Tokenizer

_HARD = (
    "", " ", "  ", "\0", "a\0b", "\n", "\r\n", "\r", "\n\n\n", " \n ", "\t\tx", "a\r\n\r\nb", "x \n\n  y", "\u00a0",
    "\u3000x", "\u2028", "a\u2029b", "\u0085", "\ufeffa", "\u200b", "a\u200db", "\u00ad", "▁", "▁▁a ▁b", " ▁", "a▁",
    "Ġ", "Ċa", "e\u0301", "\u0301", " \u0301a", "a\u0308\u0304\u0323", "\u1100\u1161\u11a8", "각",
    "ﬁ ½ ² Å ẞ ß İ ı ǅ", "ﷺ", "👩‍👩‍👧‍👦", "🏳️‍🌈🇩🇪🇫🇷", "👍🏽👍", "1️⃣", "😀" * 50, "שלום עולם",
    "مرحبا بالعالم ١٢٣", "\u202eabc\u202c", "ह क्षि नमस्ते १२३", "ไทยไม่มีช่องว่าง",
    "日本語とEnglishと한국어 mixed", "中文，没有空格。", "Ελληνικά Кириллица",
    "\ud7ff\ue000\uf8ff\ufffd\ufffe\uffff", "\U00010000\U0010ffff", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚",
    "I'm you'RE they'll it'S 'tis ''s", "’s don’t", "1 22 333 4444 55555", "3.14e-10,000%", "½٣④Ⅻ", "a1b2C3",
    "snake_case camelCase HTMLParser XMLHttpRequest", "http://x.y/?q=a%20b#c", "if (x) {\n\treturn;\n}\n",
    "$ € £ ¥ ₿", "!!!???...", "----====", "/* */ // <!-- -->", "\x1b[31m", "\x7f\x80\x9f", "a" * 5000, "é" * 700,
    "ab" * 1500, "1" * 1000, " " * 1000, "\n" * 500, "\r\n" * 200, " \t" * 300, "." * 600, "字" * 500, "_" * 300,
    "A" * 300 + " " + "b" * 300,
    "[UNK] <unk> <s> </s> <pad> <|endoftext|> <0x0A> <0xFF> [CLS] [SEP] [MASK] <|im_start|>", " end ", "end\n",
    "end  \n\n",
)  # fmt: skip


def hard_texts(tokenizer: Tokenizer) -> list[str]:
    """Texts that are easy to get wrong: blanks, marks, scripts, every low character, and the added tokens in texts."""
    added = [form for token in tokenizer.added for form in _around(token.content)]
    low = [form for number in range(0x530) for form in (chr(number), f"a{chr(number)}b", f" {chr(number) * 3} ")]
    high = [chr(number) * 2 + "a" for number in range(0x530, 0x1F000, 97) if not 0xD800 <= number < 0xE000]
    return [*_HARD, *added, *low, *high, "".join(low), "".join(high), " ".join(_HARD)]


def _around(token: str) -> tuple[str, ...]:
    """The text of an added token, alone, in other text, and not quite."""
    parts = (token[:-1], token[1:], f"{token.upper()} {token.lower()}")
    return (token, f"a{token}b", f" {token} {token}\n", token * 3, *parts)
