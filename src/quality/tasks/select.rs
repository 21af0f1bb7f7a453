//! Chooses some of the tasks as llama-perplexity does with `--hellaswag-tasks` and its like: with the Mersenne Twister (Matsumoto, Nishimura 1998)
//! from the seed 1, so that the figures can be compared.

use super::{ChoiceTask, TaskKind};

/// `most` of the tasks, fewer than all.
pub(super) fn some(kind: TaskKind, tasks: Vec<ChoiceTask>, most: usize) -> Vec<ChoiceTask> {
    let mut random = Mt19937::new(1);
    let mut left: Vec<usize> = (0..tasks.len()).collect();
    let choose = |_| match kind {
        TaskKind::Hellaswag => {
            let at = random.below(left.len());
            left.remove(at)
        }
        TaskKind::Winogrande | TaskKind::MultipleChoice => {
            // In f32, as `scale*rng()*aux.size()` there; rounding may give the number behind the last.
            let at = (random.next() as f32 * (1.0 / 4_294_967_296.0) * left.len() as f32) as usize;
            left.swap_remove(at.min(left.len() - 1))
        }
    };
    let chosen: Vec<usize> = (0..most.min(tasks.len())).map(choose).collect();
    let mut tasks: Vec<Option<ChoiceTask>> = tasks.into_iter().map(Some).collect();
    chosen.into_iter().filter_map(|i| tasks[i].take()).collect()
}

const STATE: usize = 624;
const SHIFT: usize = 397;

/// The generator of C++'s `std::mt19937`.
struct Mt19937 {
    state: [u32; STATE],
    at: usize,
}

impl Mt19937 {
    fn new(seed: u32) -> Self {
        let mut state = [seed; STATE];
        for i in 1..STATE {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, at: STATE }
    }

    fn next(&mut self) -> u32 {
        if self.at == STATE {
            for i in 0..STATE {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + SHIFT) % STATE] ^ (y >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A number below `n`, as `std::uniform_int_distribution` of libstdc++ makes it (Lemire 2019).
    fn below(&mut self, n: usize) -> usize {
        let range = u32::try_from(n).unwrap_or(u32::MAX).max(1);
        let threshold = range.wrapping_neg() % range;
        loop {
            let product = u64::from(self.next()) * u64::from(range);
            if product as u32 >= threshold {
                return (product >> 32) as usize;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_that_of_the_standard() {
        let mut random = Mt19937::new(5489);
        // ISO C++, [rand.predef]: the 10000th value of a default-constructed mt19937.
        let last = (0..10_000).map(|_| random.next()).last();
        assert_eq!(last, Some(4_123_659_995));
        let mut random = Mt19937::new(1);
        assert_eq!((random.next(), random.next()), (1_791_095_845, 4_282_876_139));
    }

    #[test]
    fn each_task_is_chosen_once() {
        for kind in [TaskKind::Hellaswag, TaskKind::Winogrande] {
            let task = |i: usize| ChoiceTask { answers: Vec::new(), right: vec![true; i] };
            let chosen = some(kind, (0..50).map(task).collect(), 20);
            let mut numbers: Vec<usize> = chosen.iter().map(|t| t.right.len()).collect();
            assert_ne!(numbers, (0..20).collect::<Vec<_>>());
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), 20);
        }
    }
}
