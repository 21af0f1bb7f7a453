//! The pages of the Compare tab that compute for longer than a frame: evaluations, texts, histograms. Each kind has a thread
//! of its own for a request; a later request, or none, cancels it.

use super::effects;
use super::threads::{Outbox, give_way, thread};
use crate::tui::core::Action;
use crate::tui::tabs::compare::{PageNews, PageRequest, QualityNews, SpeechNews};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What runs for the pages.
pub(super) struct Pages {
    outbox: Outbox,
    evaluation: Arc<AtomicBool>,
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
    pub(super) fn new(outbox: Outbox) -> Self {
        Self { outbox, evaluation: Arc::default(), speech: Arc::default(), shapes: Arc::default() }
    }

    /// Carries out a request.
    pub(super) fn take(&mut self, request: PageRequest) {
        match request {
            PageRequest::Evaluate(id, models, text) => {
                let cancel = renew(&mut self.evaluation);
                self.start("evaluate", cancel, move |cancel, send| {
                    let news = |news| send(PageNews::Quality(id, news));
                    let answer = effects::pages::evaluate(&models, &text, cancel, &news);
                    send(PageNews::Quality(id, QualityNews::Done(answer)));
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
            PageRequest::StopEvaluating => drop(renew(&mut self.evaluation)),
            PageRequest::StopSpeaking => drop(renew(&mut self.speech)),
        }
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
        let mut pages = Pages::new(out);
        let (running, begun) = (renew(&mut pages.evaluation), std::sync::mpsc::channel());
        pages.start("old", running, move |cancel, send| {
            begun.1.recv().unwrap();
            assert!(cancel.load(Ordering::Relaxed));
            send(PageNews::Quality(1, QualityNews::Progress(1, 2, String::new())));
        });
        pages.take(PageRequest::Evaluate(2, vec!["/not/there".into(), "/nor/there".into()], "/no/text".into()));
        begun.0.send(()).unwrap();
        assert!(matches!(first(&mut answers), PageNews::Quality(2, QualityNews::Done(Err(_)))));
    }

    #[test]
    fn failures_are_answers() {
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut pages = Pages::new(out);
        pages.take(PageRequest::Speak(7, vec!["/not/there".into()], Default::default()));
        assert!(matches!(first(&mut answers), PageNews::Speech(7, SpeechNews::Ended(Err(_)))));
        pages.take(PageRequest::Complete("/".into(), "/no such folder/x".into()));
        assert!(matches!(first(&mut answers), PageNews::Completed(..)));
    }
}
