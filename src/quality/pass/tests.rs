use super::super::windows::Cutting;
use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A network whose states and logits follow from the tokens by a formula.
struct Fake {
    vocabulary: usize,
    noise: f32,
    /// The state of this token has a NaN.
    bad: Option<u32>,
    cancel: Option<&'static AtomicBool>,
    /// Set when so many layers were run.
    stop: Option<(Arc<AtomicBool>, usize)>,
    /// Layers run.
    ran: AtomicUsize,
}

const LAYERS: u32 = 3;

impl Fake {
    fn of(noise: f32) -> Self {
        Self { vocabulary: 37, noise, bad: None, cancel: None, stop: None, ran: AtomicUsize::new(0) }
    }
}

impl Network for Fake {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }
    fn width(&self) -> usize {
        4
    }
    fn layers(&self) -> u32 {
        LAYERS
    }
    fn states(
        &self,
        from: Option<(u32, &[f32])>,
        windows: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        let mut hidden = Vec::new();
        for window in windows {
            let mut sum = 0u32;
            for token in window {
                sum = (sum * 3 + token) % 1009;
                hidden.extend((0..4).map(|i| ((sum + i * 7) % 13) as f32 / 3.0 - 2.0 + self.noise * i as f32));
                if self.bad == Some(*token) {
                    hidden.push(f32::NAN);
                    hidden.remove(hidden.len() - 2);
                }
            }
        }
        let first = from.map_or(0, |(layer, _)| layer);
        if let Some((_, before)) = from {
            hidden = before.to_vec();
        }
        for layer in first..LAYERS {
            if task.is_cancelled() {
                return Err(cancelled());
            }
            hidden.iter_mut().for_each(|x| *x = (*x * 1.25 + self.noise).sin() * 3.0);
            self.ran.fetch_add(1, Ordering::Relaxed);
            observer.layer(layer, LAYERS, &hidden)?;
            (task.progress)(layer as usize + 1, LAYERS as usize);
            if let Some(cancel) = self.cancel {
                cancel.store(true, Ordering::Relaxed);
            }
            if let Some((stop, at)) = &self.stop
                && self.ran.load(Ordering::Relaxed) == *at
            {
                stop.store(true, Ordering::Relaxed);
            }
        }
        Ok(hidden)
    }
    fn logits(&self, states: &[f32], _: Task<'_>, out: &mut Vec<f32>) -> Result<()> {
        out.clear();
        for state in states.chunks_exact(4) {
            let value =
                |t: usize| state.iter().enumerate().map(|(i, s)| s * ((t * (i + 3)) % 11) as f32 / 4.0).sum::<f32>();
            out.extend((0..self.vocabulary).map(value));
        }
        Ok(())
    }
}

fn windows() -> Windows {
    let tokens: Vec<u32> = (0..200u32).map(|i| i * i % 37).collect();
    Windows::cut(&tokens, Some(1), Cutting { context: 16, stride: 0, most: 0 }).unwrap()
}

fn pass<'a>(fakes: &'a [Fake], base: Base<'a>, windows: &'a Windows, memory: u64) -> Pass<'a> {
    let entrants = fakes.iter().map(|f| Entrant { label: "fake", path: Path::new("fake.gguf"), network: f }).collect();
    Pass { entrants, base, windows, memory, rounded: false, save: None, writer: None, checkpoint: None }
}

#[test]
fn nothing_depends_on_memory_or_threads() {
    let fakes = [Fake::of(0.0), Fake::of(0.02), Fake::of(0.3)];
    let windows = windows();
    let run = |memory, threads| {
        let task = Task { threads, ..Task::quiet() };
        pass(&fakes, Base::Entrant(1), &windows, memory).run(task, &Deaf).unwrap()
    };
    let (all, small) = (run(DEFAULT_MEMORY, 1), run(1, 3));
    for (a, b) in all.iter().zip(&small) {
        assert_eq!(a.positions, b.positions);
        assert_eq!(a.positions.0.len(), windows.positions());
    }
    // With little memory some tokens are compared by layer, else all.
    assert_eq!(all[0].layers.len(), 3);
    assert_eq!(all[0].layers[0].tokens, windows.len() * 16);
    assert!(small[0].layers[0].tokens < windows.len() * 16);
    assert!(all[1].layers.is_empty(), "the baseline was compared with itself");
    assert!(all[2].layers[0].relative_rms() > all[0].layers[0].relative_rms());
    let kld = |o: &Outcome| o.positions.summary().get("kld_mean").unwrap().value;
    assert!(kld(&all[0]) > 0.0 && kld(&all[2]) > kld(&all[0]));
    assert!(all[1].positions.summary().get("kld_mean").is_none());
}

#[test]
fn a_saved_baseline_gives_the_figures_of_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("base");
    let windows = windows();
    let fakes = [Fake::of(0.0), Fake::of(0.1)];
    let mut first = pass(&fakes[..1], Base::None, &windows, 1 << 16);
    first.save = Some(&path);
    first.run(Task::quiet(), &Deaf).unwrap();
    let file = LogitsFile::open(&path).unwrap();
    assert_eq!(file.windows, windows.originals);
    let mut direct = pass(&fakes, Base::Entrant(0), &windows, 1 << 16);
    direct.rounded = true;
    let direct = direct.run(Task::quiet(), &Deaf).unwrap();
    let by_file = pass(&fakes[1..], Base::File(&file), &windows, 1 << 16).run(Task::quiet(), &Deaf).unwrap();
    assert_eq!(direct[1].positions, by_file[0].positions);
    let exact = pass(&fakes, Base::Entrant(0), &windows, 1 << 16).run(Task::quiet(), &Deaf).unwrap();
    let kld = |o: &Outcome| o.positions.summary().get("kld_mean").unwrap().value;
    assert!((kld(&exact[1]) - kld(&direct[1])).abs() < 1e-4 * kld(&exact[1]));
}

#[test]
fn values_that_are_not_finite_are_named() {
    let windows = windows();
    let bad = [Fake { bad: Some(4), ..Fake::of(0.0) }];
    for threads in [1, 4] {
        let task = Task { threads, ..Task::quiet() };
        let e = pass(&bad, Base::None, &windows, 1 << 20).run(task, &Deaf).unwrap_err();
        assert_eq!(e.to_string(), "fake.gguf: the logits for token 8 of window 5 are not finite");
    }
    let huge = [Fake::of(3e38)];
    let e = pass(&huge, Base::None, &windows, 1 << 20).run(Task::quiet(), &Deaf).unwrap_err();
    assert!(e.to_string().contains("not finite") && e.hint().is_some(), "{e}");
}

#[test]
fn a_cancelled_pass_ends_and_leaves_no_file() {
    static CANCEL: AtomicBool = AtomicBool::new(false);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("base");
    let windows = windows();
    let fakes = [Fake { cancel: Some(&CANCEL), ..Fake::of(0.0) }];
    let mut pass = pass(&fakes, Base::None, &windows, 1);
    pass.save = Some(&path);
    assert!(pass.run(Task { cancel: &CANCEL, ..Task::quiet() }, &Deaf).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn progress_ends_at_its_end() {
    struct Seen(Mutex<Vec<(usize, usize)>>);
    impl Listener for Seen {
        fn progress(&self, done: usize, all: usize, _: &str) {
            locked(&self.0).push((done, all));
        }
    }
    let windows = windows();
    let fakes = [Fake::of(0.0), Fake::of(0.1)];
    let seen = Seen(Mutex::new(Vec::new()));
    pass(&fakes, Base::Entrant(0), &windows, 1).run(Task::quiet(), &seen).unwrap();
    let seen = collected(seen.0);
    assert!(seen.windows(2).all(|w| w[0].0 <= w[1].0), "{seen:?}");
    let (done, all) = *seen.last().unwrap();
    assert_eq!((done, all), (96_000, 96_000));
}

/// Stopped after any layer, by a request or by a kill, a pass that is continued gives the same to the bit, and runs no layer again that was
/// kept.
#[test]
fn an_interrupted_pass_continues_after_the_last_layer() {
    let dir = tempfile::tempdir().unwrap();
    let windows = windows();
    let noises = [0.0, 0.02, 0.3];
    // Two batches and a half.
    let memory = 5 * 16 * (4 * 4 * (FLOATS_PER_WIDTH + 2)) * 8 / 5;
    let path = dir.path().join("whole");
    let whole: Vec<Fake> = noises.map(Fake::of).into();
    let mut uninterrupted = pass(&whole, Base::Entrant(1), &windows, memory);
    assert_eq!(uninterrupted.batch(), 5);
    uninterrupted.save = Some(&path);
    let wanted = uninterrupted.run(Task::quiet(), &Deaf).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let layers = whole.iter().map(|f| f.ran.load(Ordering::Relaxed)).sum::<usize>();
    for killed in [false, true] {
        for each in 1..=9 {
            let at = dir.path().join(format!("{killed}-{each}"));
            std::fs::create_dir(&at).unwrap();
            let (folder, path) = (at.join("state"), at.join("base"));
            let (mut ran, mut runs) = (0, 0);
            let found = loop {
                let stop = Arc::new(AtomicBool::new(false));
                let fakes: Vec<Fake> =
                    noises.iter().map(|n| Fake { stop: Some((stop.clone(), each)), ..Fake::of(*n) }).collect();
                // One that is killed says nothing when it stops: only what was kept on the way is there.
                let checkpoint = Checkpoint::new(&folder, "a", 1 << 20).wanted(move || !killed);
                let checkpoint = if killed { checkpoint.every(Duration::ZERO) } else { checkpoint };
                let mut pass = pass(&fakes, Base::Entrant(1), &windows, memory);
                pass.checkpoint = Some(&checkpoint);
                pass.save = Some(&path).filter(|_| !killed).map(|p| p.as_path());
                let task = Task { cancel: &stop, ..Task::quiet() };
                let result = pass.run(task, &Deaf);
                assert_eq!(checkpoint.trouble(), None);
                ran += fakes.iter().map(|f| f.ran.load(Ordering::Relaxed)).sum::<usize>();
                runs += 1;
                assert!(runs < 100);
                if let Ok(found) = result {
                    break found;
                }
            };
            for (found, wanted) in found.iter().zip(&wanted) {
                assert_eq!(found.positions, wanted.positions, "killed {killed}, every {each} layers");
                assert_eq!(found.layers, wanted.layers);
            }
            assert!(killed || std::fs::read(&path).unwrap() == bytes);
            assert_eq!(ran, layers, "killed {killed}, every {each} layers: no layer is run twice");
            assert!(runs > 1);
        }
    }
}
