//! The words and figures of the program, explained: the second page of the help, and docs/glossary.md.

/// A word with one or two sentences, and what values are usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The word, as screens and reports write it.
    pub word: &'static str,
    /// What it is.
    pub text: &'static str,
    /// Which values are usual; empty for what has none.
    pub usual: &'static str,
}

const fn term(word: &'static str, text: &'static str, usual: &'static str) -> Term {
    Term { word, text, usual }
}

/// Every term, figures first.
pub(crate) const GLOSSARY: &[Term] = &[
    term(
        "bpw",
        "Bits per weight: bits of tensor data divided by the number of weights, scales of blocks included, headers not.",
        "16 for bf16 and f16, about 8.5 for Q8_0, 6.6 for Q6_K, 4.8 to 5 for Q4_K_M, 3.4 for Q2_K.",
    ),
    term(
        "dB",
        "Decibel, a ratio on a logarithmic scale: 10 dB more is a tenth of the error, 3 dB more is half of it. Higher is better.",
        "",
    ),
    term(
        "output dB",
        "Signal-to-noise ratio of what the model computes, estimated: the relative error of each tensor times its share in the result. It leads in \
         forecasts, reports and comparisons, and budgets are met by it.",
        "Q8_0 42, Q6_K 32, Q5_K_M 28, Q4_K_M 23, Q3_K_M 18, Q2_K 12. It follows the KL divergence: 10 dB more is a tenth of it.",
    ),
    term(
        "output dB (imatrix)",
        "Output dB with errors weighted by the importance matrix. Comparisons have no matrix, so their output dB is not weighted.",
        "0.3 to 1.3 dB above the figure without a matrix.",
    ),
    term(
        "weights dB",
        "Signal-to-noise ratio of the stored numbers (SQNR): ten times the logarithm of their power over that of the error, over all tensors that lost \
         anything. All weights count equally, independent of their effect in the model.",
        "Q8_0 45, Q6_K 35, Q5_K_M 30, Q4_K_M 25, Q3_K_M 19, Q2_K 13.",
    ),
    term(
        "output SNR",
        "Signal-to-noise ratio of the outputs of a graph, measured by running both graphs on the same inputs. The worst output counts; 999 means equal.",
        "Above 60 dB for fp16, about 20 to 40 dB for int8.",
    ),
    term(
        "output max error",
        "The largest difference between two numbers in the outputs of two graphs, for the same inputs.",
        "",
    ),
    term(
        "output relative error",
        "The output max error divided by the largest number of that output. The worst output counts.",
        "Below 0.005 for fp16 and below 0.03 for bf16.",
    ),
    term(
        "output cosine",
        "Cosine similarity between an output of a graph and the same output of the baseline, for the same inputs. The worst output counts.",
        "",
    ),
    term(
        "RMSE",
        "Root mean square error: the typical distance between a weight before and after, in the unit of the weights.",
        "Q8_0 0.0004, Q6_K 0.0013, Q4_K_M 0.004, Q2_K 0.016, for weights of about 0.07.",
    ),
    term(
        "cosine",
        "Cosine similarity: 1 if all numbers point the same way. Shown as 1 − cosine, because the cosine itself is 0.99… for everything.",
        "1 − cosine: Q8_0 0.00001, Q6_K 0.00015, Q4_K_M 0.0016, Q2_K 0.023.",
    ),
    term(
        "KL divergence",
        "How far the probabilities of the next token are from those of the original, averaged over a text (KLD), in nats: logarithms to the base e. \
         0 is the same. The best single figure for what quantization changes.",
        "Q8_0 0.0001, Q6_K 0.0006, Q5_K_M 0.001, Q4_K_M 0.003, Q3_K_M 0.01, Q2_K 0.04.",
    ),
    term(
        "perplexity",
        "How surprised a model is by a text (PPL): lower is better. It is only comparable for the same text and tokenizer, and small losses are below its \
         uncertainty.",
        "28.48 for the original, 28.65 for Q4_K_M and 29.09 for Q2_K on the same text in windows of 256 tokens.",
    ),
    term(
        "mean KLD",
        "KL divergence averaged over the scored tokens. median KLD, 90 % KLD, 95 % KLD, 99 % KLD and 99.9 % KLD are what that share of the tokens stays \
         below; maximum KLD and minimum KLD are the worst and the best token.",
        "99 % about ten times the mean, 99.9 % about forty times. A good mean with a bad maximum fails rarely, but badly. Slightly negative minima are \
         rounding.",
    ),
    term(
        "top-1 agreement",
        "How often the most probable token is that of the original. top-2 agreement, top-3 agreement, top-4 agreement and top-5 agreement: how often the \
         first two to five are, in the same order.",
        "Top-1: above 99 % for Q8_0, 93 to 97 % for Q4_K_M, 80 to 90 % for Q2_K.",
    ),
    term(
        "perplexity ratio",
        "Perplexity divided by the perplexity of the baseline. ln perplexity ratio is its logarithm, perplexity difference the difference, perplexity \
         correlation how similar both models are token by token.",
        "1.00 to 1.01 for Q4_K_M; correlation above 99 %.",
    ),
    term(
        "right token first",
        "How often the token of the text is the most probable one.",
        "40 to 60 % for a good language model.",
    ),
    term(
        "flips",
        "How often the token of the text is the most probable one in one of the two models only: right answers that became wrong, and the reverse.",
        "Less than what top-1 agreement lacks to 100 %.",
    ),
    term(
        "HellaSwag accuracy",
        "How often the right one of four endings is the most probable. Winogrande accuracy is that of two words, multiple choice accuracy that of answers to questions.",
        "By chance 25 % and 50 %; a small loss hides in the uncertainty of some hundred tasks.",
    ),
    term(
        "HellaSwag agreement",
        "How often the answer is that of the baseline, right or wrong. Winogrande agreement and multiple choice agreement are defined in the same way.",
        "Above 95 % for Q4_K_M.",
    ),
    term(
        "llama.cpp prompt",
        "Prompt tokens per second in llama.cpp; llama.cpp generation: generated ones; llama.cpp token: time for one; llama.cpp load time and llama.cpp peak memory: those of the program.",
        "",
    ),
    term(
        "own pass prompt",
        "The same in remold's own pass, which is made for measuring: own pass generation, own pass token, own pass load time and own pass peak memory.",
        "",
    ),
    term(
        "mean Δp",
        "Change of the probability of the token of the text, in percentage points. RMS Δp is its root mean square.",
        "RMS below 1 for Q6_K, 1 to 3 for Q4_K_M.",
    ),
    term(
        "hidden state error",
        "Distance of the hidden state after a layer from the original's, relative to its length. hidden state cosine compares the directions.",
        "It grows with the layer; the cosine stays above 0.99.",
    ),
    term(
        "mean cosine",
        "Of embedding models: the cosine between the vectors of a text in both models; minimum cosine is that of the worst text.",
        "Above 0.999 for Q8_0.",
    ),
    term(
        "neighbour overlap",
        "Of embedding models: how many of the ten nearest texts of a text stay the same. similarity rank correlation: whether pairs of texts keep their \
         order of similarity.",
        "Overlap above 90 %, correlation above 0.99.",
    ),
    term(
        "± (uncertainty)",
        "One standard error. It shrinks with the square root of the number of scored tokens, or texts.",
        "2,000 scored tokens are enough for differences from a baseline, 100,000 for a perplexity within 1 %.",
    ),
    term(
        "Pareto line",
        "Connects the models that no other one beats in both size and loss. A model off the line is larger than one that loses no more.",
        "",
    ),
    term(
        "imatrix",
        "Importance matrix: how strongly each column of a matrix is used on a sample text. Quantization then keeps the important columns more exactly. \
         Types below 3 bits need one.",
        "",
    ),
    term(
        "block size",
        "Quantized types store weights in blocks that share a scale: 32 weights in Q4_0 and Q8_0, 256 in K and IQ types. A row must be a multiple of it.",
        "",
    ),
    term(
        "fallback",
        "A tensor whose rows are not a multiple of the block size gets another type, a larger one of smaller blocks. --no-fallback makes that an error.",
        "None in most language models; all matrices in models with rows of 96 or 384.",
    ),
    term(
        "file type",
        "A name for a rule that gives each tensor a type: Q4_K_M stores most tensors as Q4_K and some as Q6_K.",
        "",
    ),
    term(
        "mix",
        "Types chosen tensor by tensor so that a file of a given size loses least output dB. Never worse, by that measure, than a file type of the same \
         or fewer bytes.",
        "0.5 to 2.5 dB above the file type of the same size.",
    ),
    term(
        "effort",
        "How hard the scales of blocks are searched for. reference gives the bytes of llama.cpp, max takes longer and loses less.",
        "max: 0.2 to 1 dB more in about three times the time, up to six for Q4_0 to Q5_1.",
    ),
    term(
        "baseline",
        "The model that a comparison measures the others against: their source if it is known, otherwise the most precise one. Against a quantized baseline \
         all figures are relative to its own error.",
        "",
    ),
    term(
        "KV cache",
        "Memory that a runtime needs for the context: keys and values of every layer and token, here as f16. It comes on top of the weights.",
        "",
    ),
    term(
        "manifest",
        "NAME.remold.json next to an output: source, settings, and checksums of every byte. remold verify checks it.",
        "",
    ),
];

/// Where the values come from.
pub(crate) const SOURCE: &str = "Usual values: tiny-llama of the fixtures (4 layers, 4.2 M parameters) on 1,905 tokens of Python source in windows of 256 \
     tokens; KL divergence and perplexity by llama-perplexity. Windows of 512 tokens, the default of remold eval, give other figures, and so do other models.";

/// What was measured, by type: bits per weight, output dB, weights dB, RMSE, 1 − cosine, KL divergence, perplexity, same top token.
const MEASURED: [[&str; 9]; 7] = [
    ["bf16", "16.00", "lossless", "lossless", "0", "0", "0", "28.48", "100 %"],
    ["Q8_0", "8.51", "42.2", "45.3", "0.00038", "0.000014", "0.00011", "28.48", "99.2 %"],
    ["Q6_K", "6.58", "31.8", "34.9", "0.00127", "0.00015", "0.00056", "28.48", "97.8 %"],
    ["Q5_K_M", "5.76", "28.3", "30.1", "0.00220", "0.00045", "0.00106", "28.46", "96.7 %"],
    ["Q4_K_M", "5.00", "23.4", "24.6", "0.00414", "0.0016", "0.00269", "28.65", "96.2 %"],
    ["Q3_K_M", "4.16", "17.9", "18.8", "0.00806", "0.0061", "0.00968", "28.66", "91.8 %"],
    ["Q2_K", "3.36", "12.0", "12.9", "0.0159", "0.023", "0.0396", "29.09", "83.5 %"],
];

/// docs/glossary.md.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Glossary\n\n\
         Made from the table in `src/tui/core/glossary.rs` by `BLESS=1 cargo test --test workbench docs`; a test keeps it equal. The workbench shows it \
         with `?` and `tab`.\n\n\
         | word | meaning | usual values |\n\
         | --- | --- | --- |\n",
    );
    for t in GLOSSARY {
        out.push_str(&format!("| {} | {} | {} |\n", t.word, t.text, t.usual));
    }
    out.push_str(&format!(
        "\n## Measured\n\n{SOURCE}\n\n\
         | type | bpw | output dB | weights dB | RMSE | 1 − cosine | KL divergence | perplexity | same top token |\n\
         | --- |{}\n",
        " ---: |".repeat(8)
    ));
    for row in MEASURED {
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    out.push_str(
        "\nllama.cpp rounds activations too, which adds about 0.0002 to every KL divergence. With exact activations it is 0.000033 for Q8_0, 0.00035 for \
         Q6_K, 0.00085 for Q5_K_M, 0.0025 for Q4_K_M and 0.039 for Q2_K: −10 log10 of that is output dB plus 2.0 to 2.8 for each of them, whereas the \
         distance to weights dB varies from −0.5 to 1.4. That is why output dB leads.\n\n\
         In `--json` output dB is `output_sqnr_db` and weights dB is `sqnr_db`. In reports `output_weighted` says that an importance matrix weighs the former, \
         and `forecast` has both as they were forecast.\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::METRICS;

    #[test]
    fn every_word_is_explained_once_and_briefly() {
        for (i, t) in GLOSSARY.iter().enumerate() {
            assert!(GLOSSARY[..i].iter().all(|other| other.word != t.word), "{}", t.word);
            assert!(t.text.ends_with('.') && t.text.len() < 260, "{}: {}", t.word, t.text.len());
            assert!(t.usual.is_empty() || t.usual.ends_with('.'), "{}", t.word);
        }
        // What an evaluation shows is explained.
        let explained = |title: &str| GLOSSARY.iter().any(|t| t.word.contains(title) || t.text.contains(title));
        let unexplained: Vec<_> = METRICS.iter().map(|m| m.title).filter(|title| !explained(title)).collect();
        assert_eq!(unexplained, [""; 0]);
        // The measured output dB follow the divergence, as the page says.
        for (row, kld) in [(1, 0.000_033f64), (2, 0.000_345), (3, 0.000_851), (4, 0.002_517), (6, 0.039_426)] {
            let [_, _, output, weights, ..] = MEASURED[row].map(|v| v.parse::<f64>().unwrap_or_default());
            let apart = |db: f64| -10.0 * kld.log10() - db;
            assert!((2.0..2.85).contains(&apart(output)), "{}: {}", MEASURED[row][0], apart(output));
            assert!((-0.55..1.45).contains(&apart(weights)), "{}: {}", MEASURED[row][0], apart(weights));
        }
    }
}
