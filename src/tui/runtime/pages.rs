//! The pages of the Compare tab that take longer than a frame: evaluations, texts, histograms. Each kind has a thread
//! of its own for a request; a later request, or none, cancels it. An evaluation is a job, which a thread follows: a later request only ends that.

use super::effects::{self, evaluations};
use super::threads::{Outbox, give_way, thread};
use crate::tui::core::{Action, ErrorCard};
use crate::tui::runtime::effects::evaluations::Follow;
use crate::tui::tabs::compare::{PageNews, PageRequest, Quality, QualityNews, SpeechNews};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What runs for the pages.
pub(super) struct Pages {
    outbox: Outbox,
    jobs_root: PathBuf,
    /// Ends the follower of the evaluation.
    evaluation: Arc<AtomicBool>,
    /// Has the evaluation cancelled by its follower.
    stop: Arc<AtomicBool>,
    speech: Arc<AtomicBool>,
    shapes: Arc<AtomicBool>,
}

/// Stops what has this flag, and gives the flag of the next.
fn renew(flag: &mut Arc<AtomicBool>) -> Arc<AtomicBool> {
    flag.store(true, Ordering::Relaxed);
    *flag = Arc::default();
    flag.clone()
}

impl Pages {
    pub(super) fn new(outbox: Outbox, jobs_root: PathBuf) -> Self {
        let new = Arc::<AtomicBool>::default;
        Self { outbox, jobs_root, evaluation: new(), stop: new(), speech: new(), shapes: new() }
    }

    /// Carries out a request.
    pub(super) fn take(&mut self, request: PageRequest) {
        match request {
            PageRequest::Evaluate(id, models, text, windows) => {
                self.evaluation(id, move |root, how, news| {
                    evaluations::evaluate(root, &models, (text.as_path(), windows), how, news)
                });
            }
            PageRequest::Follow(id, models, job) => {
                self.evaluation(id, move |root, how, news| evaluations::follow(root, &job, &models, how, news));
            }
            PageRequest::Kept(id, models) => {
                let root = self.jobs_root.clone();
                self.start("results", Arc::default(), move |_, send| {
                    let (kept, live) = evaluations::kept(&root, &models);
                    send(PageNews::Kept(id, kept, live));
                });
            }
            PageRequest::Speak(id, models, prompt) => {
                let cancel = renew(&mut self.speech);
                self.start("speak", cancel, move |cancel, send| {
                    let news = |news| send(PageNews::Speech(id, news));
                    let answer = effects::pages::speak(&models, &prompt, cancel, &news);
                    send(PageNews::Speech(id, SpeechNews::Ended(answer)));
                });
            }
            PageRequest::Shapes(id, compared, tensor, variant) => {
                let cancel = renew(&mut self.shapes);
                self.start("histograms", cancel, move |cancel, send| {
                    let answer = effects::pages::shapes(&compared, tensor, variant, cancel).map(Arc::new);
                    send(PageNews::Shapes(id, answer));
                });
            }
            PageRequest::Complete(base, typed) => {
                let cancel = Arc::default();
                self.start("complete", cancel, move |_, send| {
                    let (becomes, names) = effects::paths::complete(&base, &typed);
                    send(PageNews::Completed(typed, becomes, names));
                });
            }
            PageRequest::StopEvaluating => {
                self.stop.store(true, Ordering::Relaxed);
                drop(renew(&mut self.evaluation));
            }
            PageRequest::StopSpeaking => drop(renew(&mut self.speech)),
        }
    }

    /// Has an evaluation followed, in place of the one that was followed before. The thread starts a job, which has the priority of this process.
    fn evaluation(
        &mut self,
        id: u64,
        work: impl FnOnce(&std::path::Path, &Follow<'_>, &dyn Fn(QualityNews)) -> Result<Arc<Quality>, ErrorCard>
        + Send
        + 'static,
    ) {
        let silent = renew(&mut self.evaluation);
        self.stop = Arc::default();
        let (stop, root, out) = (self.stop.clone(), self.jobs_root.clone(), self.outbox.clone());
        thread("evaluate", self.outbox.clone(), move || {
            let news = |news| {
                if !silent.load(Ordering::Relaxed) {
                    let _ = out.send(Action::ComparePage(PageNews::Quality(id, news)));
                }
            };
            let answer = work(&root, &Follow { silent: &silent, stop: &stop }, &news);
            news(QualityNews::Done(answer));
        });
    }

    /// Does some work in a thread. What a cancelled one says is not sent.
    fn start(
        &self,
        name: &'static str,
        cancel: Arc<AtomicBool>,
        work: impl FnOnce(&AtomicBool, &(dyn Fn(PageNews) + Sync)) + Send + 'static,
    ) {
        let out = self.outbox.clone();
        thread(name, self.outbox.clone(), move || {
            give_way();
            let send = |news| {
                if !cancel.load(Ordering::Relaxed) {
                    let _ = out.send(Action::ComparePage(news));
                }
            };
            work(&cancel, &send);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobFolder, Measurement};
    use crate::quality::Evaluation;

    /// What comes first from a request.
    fn first(answers: &mut tokio::sync::mpsc::UnboundedReceiver<Action>) -> PageNews {
        match answers.blocking_recv() {
            Some(Action::ComparePage(news)) => news,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_later_request_silences_the_earlier_one() {
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut pages = Pages::new(out, "/no/jobs".into());
        let begun = std::sync::mpsc::channel();
        pages.evaluation(1, move |_, how, news| {
            begun.1.recv().unwrap();
            assert!(how.silent.load(Ordering::Relaxed) && !how.stop.load(Ordering::Relaxed));
            news(QualityNews::Progress(0.5, None, String::new()));
            Err(ErrorCard::new("late", true))
        });
        pages.take(PageRequest::Evaluate(2, vec!["/not/there".into(), "/nor/there".into()], "/no/text".into(), 0));
        begun.0.send(()).unwrap();
        assert!(matches!(first(&mut answers), PageNews::Quality(2, QualityNews::Done(Err(_)))));
    }

    #[test]
    fn a_job_is_cancelled_when_its_evaluation_is_stopped_and_not_when_another_one_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut pages = Pages::new(out, root.path().to_owned());
        let models = vec![PathBuf::from("/m/base"), PathBuf::from("/m/a")];
        let make = |pages: &mut Pages, id, answers: &mut _| {
            let evaluation = Evaluation {
                baseline: models.first().cloned(),
                data: Some("/t/text".into()),
                ..Evaluation::of(models.clone())
            };
            let request = Measurement::Evaluation(evaluation.into());
            let folder = JobFolder::create_measurement(root.path(), &request).unwrap().dir;
            pages.take(PageRequest::Kept(id, models.clone()));
            let PageNews::Kept(_, kept, Some(job)) = first(answers) else { panic!("the job is not found") };
            assert!(kept.is_empty() && job.dir == folder && job.text == std::path::Path::new("/t/text"));
            pages.take(PageRequest::Follow(id, models.clone(), job.dir));
            assert!(matches!(first(answers), PageNews::Quality(_, QualityNews::Progress(..))));
            folder
        };
        let waits = |folder: &std::path::Path| {
            (0..200).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                folder.join("cancel").exists()
            })
        };
        let one = make(&mut pages, 1, &mut answers);
        let two = make(&mut pages, 2, &mut answers);
        pages.take(PageRequest::StopEvaluating);
        assert!(waits(&two) && !one.join("cancel").exists());
    }

    #[test]
    fn failures_are_answers() {
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut pages = Pages::new(out, "/no/jobs".into());
        pages.take(PageRequest::Speak(7, vec!["/not/there".into()], Default::default()));
        assert!(matches!(first(&mut answers), PageNews::Speech(7, SpeechNews::Ended(Err(_)))));
        pages.take(PageRequest::Complete("/".into(), "/no such folder/x".into()));
        assert!(matches!(first(&mut answers), PageNews::Completed(..)));
    }
}
