//! Lines of mixed text, the same on every run: words of many scripts, digits, code, emoji, marks, runs of spaces, line ends,
//! characters that no small vocabulary has, and special tokens. `▁` is not among them: it represents a space in these
//! vocabularies, and programs differ on a real one.

const PIECES: &[&str] = &[
    "def main(argv=None):",
    "return x + 1",
    "self.assertEqual(a, b)",
    "#include <stdio.h>",
    "{\"key\": [1, 2.5, null]}",
    "http://example.org/a?b=c&d=%20",
    "CamelCase",
    "snake_case",
    "don't",
    "I'LL",
    "the",
    "quick",
    "Brown",
    "fox",
    "jumps",
    "naïve",
    "café",
    "Größe",
    "Wörterbuch",
    "Ünïcödé",
    "Zażółć",
    "gęślą",
    "Árvíztűrő",
    "thủy",
    "tinh",
    "Привет",
    "мягких",
    "булок",
    "αλεπού",
    "Ωmega",
    "你好世界",
    "敏捷的棕色狐狸",
    "こんにちは",
    "カタカナ",
    "東京は今日も雨です。",
    "다람쥐",
    "날씨가",
    "مرحبا",
    "بالعالم",
    "नमस्ते",
    "राक्षसों",
    "สวัสดี",
    "ไทย",
    "שלום",
    "🦙",
    "🚀",
    "👩‍👩‍👧",
    "🇳🇴",
    "e\u{301}te\u{301}",
    "u\u{308}ber",
    "ﬁn",
    "①",
    "½",
    "Ａ１！",
    "0",
    "7",
    "12",
    "123",
    "1234567",
    "3.14159",
    "0x1F",
    "-273,15",
    "!",
    "?!",
    "...",
    "…",
    "—",
    "«»",
    "()",
    "[]",
    "/*",
    "*/",
    "$",
    "€",
    "&amp;",
    "\u{200b}",
    "\u{a0}",
    "\u{3000}",
    "\u{7}",
    "\u{10ffff}",
    "𝔘𝔫𝔦",
    "<0x41>",
    "<|",
    "|>",
    "</",
    "<s",
];

/// A generator of numbers (Knuth's constants for 64 bits).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

/// `n` lines; `special` are texts that may occur anywhere.
pub fn lines(n: usize, special: &[String]) -> Vec<String> {
    let mut numbers = Numbers::new(20_261_129);
    let mut line = || {
        let mut out = String::new();
        for _ in 0..1 + numbers.below(14) {
            match numbers.below(20) {
                0 => out.push_str(&" ".repeat(1 + numbers.below(31))),
                1 => out.push_str(&"\t".repeat(1 + numbers.below(6))),
                2 => out.push_str(&"\n".repeat(1 + numbers.below(40))),
                3 => out.push_str("\r\n"),
                4 if !special.is_empty() => out.push_str(&special[numbers.below(special.len())]),
                5 => out.extend(char::from_u32(0x21 + numbers.below(0x3000) as u32)),
                _ => {
                    if numbers.below(3) > 0 && !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(PIECES[numbers.below(PIECES.len())]);
                }
            }
        }
        out
    };
    (0..n).map(|_| line()).collect()
}
