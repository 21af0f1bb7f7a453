//! The Jobs and Log tabs: pictures of their sections, and what their keys ask for.

use super::plans;
use super::sample::{self, Bench};
use super::screens::{LARGE, SMALL, TINY, check, picture, plain, render, shows, styled, text};
use remold::testing::engine::{Event, EventBody, Failure, OutputReport, Report};
use remold::testing::job::JobState;
use remold::testing::model::OutputIndex;
use remold::testing::model::{ErrorCode, Warning};
use remold::testing::monitor::{Check, Gpu, GpuMemory, Machine};
use remold::testing::quant::{BlockType, Encoding};
use remold::testing::tui::core::{Action, Effect, Focus, Level, MeasuredReport, Tab};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::jobs::{JobAction, JobSection};
use std::sync::Arc;

fn event(at: &str, job: &str, body: EventBody) -> Event {
    Event { t: format!("2026-11-23T{at}Z").parse().unwrap(), job: job.into(), body }
}

fn machine() -> Machine {
    let memory = Some(GpuMemory { used: 41_200_000_000, total: 80_000_000_000 });
    let gpu = Gpu { index: 0, name: "H100".into(), memory, load: Some(0.37) };
    Machine {
        host: "h200-03".into(),
        cpu: 0.34,
        memory_used: 21_400_000_000,
        memory_total: 128_000_000_000,
        gpus: vec![gpu],
    }
}

/// The recorded job, up to a share of its events, with everything from its folder and the machine.
fn whole(share: f64) -> Bench {
    let mut b = sample::start();
    b.job(share);
    let recipe = include_str!("../fixtures/workbench/recipe.toml");
    b.act(Action::JobRecipe("41".into(), recipe.lines().map(str::to_owned).collect()));
    if share >= 1.0 {
        let outputs = vec![OutputReport { bits_per_weight: 5.18, sqnr_db: Some(23.4), ..OutputReport::default() }];
        b.act(Action::JobReport("41".into(), Arc::new(Report { outputs, ..Report::default() })));
    }
    for cpu in [0.31, 0.34, 0.29, 0.34] {
        b.act(Action::Machine(Machine { cpu, ..machine() }, Some(912_000_000_000)));
    }
    b
}

/// The same job when it makes two files.
fn two_outputs() -> Bench {
    let mut plan = plans::plan();
    let mut second = plan.outputs[0].clone();
    second.path.set_file_name("checkpoint-2000-Q8_0.gguf");
    (second.quantization, second.bytes, second.bits_per_weight) = ("Q8_0".into(), 1_321_500_000, 8.5);
    std::sync::Arc::make_mut(&mut second.tensors)
        .iter_mut()
        .filter(|t| t.to != Encoding::default())
        .for_each(|t| t.to = BlockType::Q8_0.into());
    plan.outputs.push(second);
    let mut b = sample::start();
    b.job(0.4);
    b.act(Action::JobPlan("41".into(), Arc::new(plan)));
    b
}

/// What several jobs said.
fn news() -> Bench {
    let mut b = sample::start();
    b.job(0.62);
    let failure = Failure { code: ErrorCode::DiskFull, message: "llava.gguf: no space left".into(), hint: None };
    b.act(Action::JobNews(vec![
        event("12:04:20", "40", EventBody::Started { pid: 7, threads: 2 }),
        event(
            "12:04:21",
            "40",
            EventBody::Warning(Warning::new("a.b", "config.json has a field nobody knows: frobnicate")),
        ),
        event("12:04:25", "41", EventBody::Queued { title: "checkpoint-2000 → gguf Q4_K_M".into() }),
        event("12:04:29", "39", EventBody::Failed { seconds: 3.0, error: failure }),
        event(
            "12:04:31",
            "40",
            EventBody::OutputPublished {
                output: OutputIndex(0),
                path: format!("{}/exports/a.gguf", sample::DIR),
                bytes: 9,
            },
        ),
        event("12:04:31", "40", EventBody::Finished { seconds: 11.0, peak_rss: 1 }),
        event("12:04:31", "41", EventBody::Paused),
    ]));
    b.keys("6");
    b
}

fn small(b: &mut Bench) -> String {
    text(&render(b, SMALL, Depth::True, false))
}

#[test]
fn sections() {
    picture("jobs-metrics", whole(0.62).keys("<enter>]]"), LARGE);
    plain(whole(0.62).keys("<enter>]]"));
    picture("jobs-plan", whole(0.62).keys("<enter>]]]]"), SMALL);
    shows(whole(0.62).keys("<enter>]]]]]"), SMALL, &["[source]", "[[target]]", "quantization = \"Q4_K_M\""]);
    picture("jobs-report-two", two_outputs().keys("<enter>]]]]]]"), SMALL);
    picture("jobs-two-outputs", two_outputs().keys("<enter>jjll"), LARGE);
    picture("jobs-machine", &mut whole(0.62), LARGE);
    shows(whole(1.0).keys("<enter>]]]"), SMALL, &["this job, recorded", "✓ done  in 28.2 s"]);
}

/// The recorded job as the list shows it, in another state.
fn turned(b: &mut Bench, state: JobState) {
    let mut list = b.state.jobs.list.clone();
    let at = list.iter().position(|j| j.id == "41").unwrap();
    list[at].state = state;
    b.act(Action::Jobs(list));
}

#[test]
fn what_was_known_of_a_file_that_a_job_replaced_is_forgotten() {
    let mut b = whole(0.62);
    b.keys("1<enter>]").looked_at();
    let path = b.state.models.selected.clone().unwrap();
    let known = |b: &Bench| (b.state.models.current().is_some(), b.state.models.inspect.values(&path, 0).is_some());
    assert_eq!(known(&b), (true, true));
    b.state.jobs.list.iter_mut().find(|j| j.id == "41").unwrap().outputs = vec![path.clone()];
    turned(&mut b, JobState::Running);
    assert_eq!(known(&b), (true, true), "it works still");
    turned(&mut b, JobState::Finished);
    assert_eq!(known(&b), (false, false));
}

#[test]
fn an_ended_job_opens_on_its_report_and_a_chosen_section_stays() {
    let mut b = whole(1.0);
    check("jobs-report-first-styled", styled(&render(&mut b, SMALL, Depth::True, false)));
    picture("jobs-report-first", &mut b, LARGE);
    shows(&mut b, TINY, &["r report"]);
    plain(&mut b);
    picture("jobs-report-row", b.keys("z"), SMALL);
    let mut b = whole(0.62);
    b.keys("<enter>");
    assert_eq!(b.state.jobs.section, JobSection::Layers, "it works");
    turned(&mut b, JobState::Finished);
    assert_eq!((b.state.jobs.section, b.state.jobs.sections()[0]), (JobSection::Report, JobSection::Report));
    assert!(b.state.toasts.last().unwrap().text.starts_with("finished: "), "nothing to press: it shows");
    assert!(b.effects.contains(&Effect::Scan), "what was made is looked for");
    turned(&mut b, JobState::Running);
    assert_eq!(b.state.jobs.section, JobSection::Layers, "begun again");
    b.keys("j");
    turned(&mut b, JobState::Finished);
    assert_eq!(b.state.jobs.section, JobSection::Layers, "who moves in the grid is not taken from it");
    assert!(b.state.toasts.last().unwrap().text.ends_with("; r shows its report"));
    b.keys("r");
    assert_eq!(b.state.jobs.section, JobSection::Report);
    // What was chosen for one job says nothing of another, and is still there afterwards.
    b.keys("hj");
    assert_eq!((b.state.jobs.selected.as_deref(), b.state.jobs.section), (Some("40"), JobSection::Report));
    b.keys("]k");
    assert_eq!((b.state.jobs.selected.as_deref(), b.state.jobs.section), (Some("41"), JobSection::Report));
    b.keys("j");
    assert_eq!((b.state.jobs.selected.as_deref(), b.state.jobs.section), (Some("40"), JobSection::Layers));
}

#[test]
fn the_end_of_a_job_says_which_key_shows_its_report() {
    let told = |b: &Bench| b.state.toasts.last().unwrap().text.clone();
    let mut b = whole(0.62);
    b.keys("jj1");
    turned(&mut b, JobState::Finished);
    assert!(
        told(&b).ends_with("; its report is in Jobs (3), #41"),
        "{} {:?}: another one is selected, and one waits",
        told(&b),
        b.state.jobs.selected
    );
    let mut b = whole(0.62);
    let mut list = b.state.jobs.list.clone();
    list.retain(|j| j.state.ended() || j.id == "41");
    b.keys("j").act(Action::Jobs(list)).keys("1");
    turned(&mut b, JobState::Finished);
    assert!(told(&b).ends_with("; 3 shows its report"), "{}", told(&b));
    b.keys("3");
    assert_eq!((b.state.jobs.selected.as_deref(), b.state.jobs.section), (Some("41"), JobSection::Report));
}

#[test]
fn the_report_keeps_how_it_ended_before() {
    let failure = Failure { code: ErrorCode::DiskFull, message: "no space left on the disk".into(), hint: None };
    let mut b = sample::start();
    b.job(0.3).keys("<enter>");
    let say = |b: &mut Bench, body| {
        b.act(Action::JobEvents("41".into(), vec![event("12:05:00", "41", body)]));
    };
    say(&mut b, EventBody::Failed { seconds: 3.0, error: failure });
    turned(&mut b, JobState::Failed);
    b.effects.clear();
    b.keys("R");
    let [Effect::ActOnJob(action, title, _)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    b.act(Action::JobActionDone(*action, title.clone(), Ok(())));
    assert!(b.state.toasts.last().unwrap().text.starts_with("started again"));
    say(&mut b, EventBody::Queued { title: "checkpoint-2000 → gguf Q4_K_M".into() });
    say(&mut b, EventBody::Started { pid: 9, threads: 2 });
    turned(&mut b, JobState::Running);
    b.keys("]]]]]]");
    let screen = small(&mut b);
    assert!(screen.contains("before") && screen.contains("no space left on the disk"), "{screen}");
}

#[test]
fn tensors_are_counted_by_output() {
    let mut b = two_outputs();
    assert!(small(&mut b).contains(" in 2 outputs"), "{}", small(&mut b));
    let view = b.state.jobs.view.as_mut().unwrap();
    view.history.done = view.history.expected;
    let each = view.history.expected / 2;
    assert_eq!(view.count(), format!("{each} tensors × 2 outputs"));
    view.history.outputs.truncate(1);
    assert_eq!(view.count(), format!("{} of {} tensors", each * 2, each * 2));
}

#[test]
fn states() {
    let mut b = whole(0.62);
    b.act(Action::JobEvents("41".into(), vec![event("12:04:40", "41", EventBody::Paused)]));
    let mut list = b.state.jobs.list.clone();
    list[0].state = JobState::Paused;
    b.act(Action::Jobs(list));
    shows(&mut b, SMALL, &["‖ paused   71 %", "1 paused · 1 queued · 1 done", "p resume"]);
    assert!(b.state.jobs.view.as_ref().unwrap().history.eta().is_none(), "a pause has no end that can be foretold");
    let question =
        ["Remove job 38, checkpoint-500 → gguf Q4_K_M?", "its outputs are kept.", "y remove the job   ⏎ esc back"];
    shows(b.keys("GD"), SMALL, &question);
}

#[test]
fn log() {
    shows(&mut news(), LARGE, &["1 error · 1 warning · 8 lines   following", "#40  published  exports/a.gguf  9 B"]);
    shows(news().keys("ww"), SMALL, &["Log   errors", "1 of 8 lines", "#39  failed  llava.gguf: no space left."]);
    let mut b = news();
    let remedy = "Set REMOLD_JOBS to a folder on a disk of this machine.";
    b.act(Action::Checked(vec![Check::wrong("jobs", "jobs' root", "/mnt/scratch/jobs takes a lock twice", remedy)]));
    b.act(Action::Tick("2026-11-23T12:10:00Z".parse().unwrap())).act(Action::Notice(Level::Info, "one more".into()));
    picture("log-long", b.keys("k"), SMALL);
    check("log-styled", styled(&render(news().keys("k"), SMALL, Depth::Ansi256, false)));
    plain(news().keys("k"));
    shows(news().keys("kk"), SMALL, &["2 below", "▌12:04:31         #40  published", "⏎ to the job"]);
    shows(news().keys("J"), TINY, &["2 of 8 li…", "#41  queued  checkpo…"]);
}

#[test]
fn keys_ask_what_a_job_allows() {
    let mut b = whole(0.5);
    b.effects.clear();
    let asked = |b: &mut Bench, keys: &str| {
        b.keys(keys);
        let asked: Vec<JobAction> = b
            .effects
            .drain(..)
            .filter_map(|e| if let Effect::ActOnJob(action, ..) = e { Some(action) } else { None })
            .collect();
        asked
    };
    assert_eq!(asked(&mut b, "pRD"), [JobAction::Pause], "a running job can be held, not begun again, not removed");
    let mut list = b.state.jobs.list.clone();
    list[0].state = JobState::Paused;
    b.act(Action::Jobs(list));
    assert_eq!(asked(&mut b, "p"), [JobAction::Resume]);
    assert_eq!(asked(&mut b, "xy"), [JobAction::Cancel], "a paused job can be cancelled");
    assert_eq!(asked(&mut b, "jpxy"), [JobAction::Cancel], "one that waits can be cancelled, not held");
    assert_eq!(asked(&mut b, "jpxR"), [], "a finished one needs nothing");
    assert_eq!(asked(&mut b, "D<enter>Dy"), [JobAction::Remove]);
    assert_eq!(asked(&mut b, "jR"), [JobAction::Again], "a failed one is begun again");
}

#[test]
fn a_removed_job_leaves_the_cursor_beside_it() {
    let mut b = whole(0.5);
    b.keys("jj").effects.clear();
    let mut list = b.state.jobs.list.clone();
    assert_eq!(list.remove(2).id, "40");
    b.act(Action::Jobs(list));
    assert_eq!(b.state.jobs.selected.as_deref(), Some("39"));
    assert!(matches!(&b.effects[..], [Effect::Follow(Some((id, _)))] if id == "39"));
    b.act(Action::Jobs(Vec::new()));
    assert!(b.state.jobs.view.is_none() && b.state.jobs.current().is_none());
}

#[test]
fn running_jobs_come_first_and_the_queue_keeps_its_order() {
    let mut b = whole(0.5);
    b.keys("jk");
    let mut list = b.state.jobs.list.clone();
    (list[0].state, list[4].state) = (JobState::Finished, JobState::Running);
    (list[2].state, list[2].place, list[1].place) = (JobState::Queued, Some(1), Some(2));
    b.act(Action::Jobs(list));
    let order: Vec<&str> = b.state.jobs.list.iter().map(|j| j.id.as_str()).collect();
    assert_eq!(order, ["38", "40", "42", "41", "39"]);
    assert_eq!(b.state.jobs.selected.as_deref(), Some("41"), "what is looked at stays");
    let mut b = sample::start();
    b.job(0.5);
    let mut list = b.state.jobs.list.clone();
    (list[0].state, list[4].state) = (JobState::Finished, JobState::Running);
    b.act(Action::Jobs(list));
    assert_eq!(b.state.jobs.selected.as_deref(), Some("38"), "who chose nothing sees what is at work");
}

#[test]
fn the_grid_has_a_cursor() {
    let mut b = whole(0.62);
    b.keys("<enter>jl");
    let name = |b: &Bench| b.state.jobs.view.as_ref().unwrap().under(b.state.jobs.cell)[0].name.clone();
    assert_eq!(name(&b), "blk.1.attn_k.weight");
    b.keys("G");
    assert_eq!(name(&b), "output_norm.weight");
    b.keys("ggh");
    assert_eq!((name(&b).as_str(), b.state.jobs.focus), ("blk.0.attn_q.weight", Focus::Details));
    b.keys("h");
    assert_eq!(b.state.jobs.focus, Focus::List, "left of the first layer is the list");
    b.keys("<enter>]l");
    assert_eq!(b.state.jobs.section, JobSection::Metrics, "elsewhere they turn the sections");
}

#[test]
fn an_output_is_found_among_the_models() {
    let mut b = whole(0.62);
    b.keys("o");
    assert_eq!(b.state.tab, Tab::Jobs, "nothing stands yet");
    let mut b = whole(1.0);
    b.effects.clear();
    b.keys("o");
    let output = std::path::Path::new(sample::DIR).join("exp42/checkpoint-2000-Q4_K_M.gguf");
    assert_eq!((b.state.tab, &b.effects[..]), (Tab::Models, &[Effect::Scan][..]));
    let found = remold::testing::tui::core::FoundModel {
        path: output.clone(),
        format: Some(remold::testing::model::FormatId::Gguf),
        bytes: 1,
        modified: 0,
        defect: None,
        summary: Ok(remold::testing::tui::tabs::models::Summary::default()),
    };
    b.act(Action::Found(vec![found]));
    assert_eq!(b.state.models.selected, Some(output));
}

#[test]
fn the_log_follows_jobs_and_leads_to_them() {
    let mut b = news();
    b.effects.clear();
    b.keys("y");
    assert_eq!(b.effects, [Effect::Copy("2026-11-23T12:04:31Z  #41  paused".into())]);
    b.keys("kkk<enter>");
    assert_eq!((b.state.tab, b.state.jobs.selected.as_deref()), (Tab::Jobs, Some("39")), "to the job that failed");
    b.keys("L").effects.clear();
    assert_eq!((b.state.tab, b.state.log.job.as_deref()), (Tab::Log, Some("39")));
    b.keys("Y");
    let Some(Effect::Copy(lines)) = b.effects.last() else { panic!("{:?}", b.effects) };
    assert_eq!(lines, "2026-11-23T12:04:29Z  error  #39  failed  llava.gguf: no space left.\n");
    b.keys("<esc>");
    assert!(!b.state.log.is_narrowed());
}

#[test]
fn the_doctor_speaks_in_the_log() {
    let mut b = sample::start();
    b.keys("!");
    assert_eq!((b.state.tab, b.effects.last()), (Tab::Log, Some(&Effect::Doctor)));
    b.act(Action::Checked(vec![
        Check::fine("terminal", "colours", "24 bit"),
        Check::note("multiplexer", "mouse", "tmux does not pass the mouse on", "set -g mouse on"),
    ]));
    let levels: Vec<Level> = b.state.log.entries.iter().rev().take(2).map(|e| e.level).collect();
    assert_eq!(levels, [Level::Warn, Level::Info]);
    assert_eq!(b.state.toasts.last().unwrap().text, "doctor: usable; 1 warning");
}

#[test]
fn an_idle_screen_shows_nothing_that_moves() {
    let mut b = whole(0.62);
    assert!(b.state.watches_machine() && text(&render(&mut b, LARGE, Depth::True, false)).contains("cpu 35%"));
    let mut list = b.state.jobs.list.clone();
    list[0].state = JobState::Finished;
    b.act(Action::Jobs(list)).act(Action::Tick("2026-11-23T13:00:00Z".parse().unwrap()));
    assert!(!b.state.watches_machine());
    let before = render(&mut b, LARGE, Depth::True, false);
    assert!(!text(&before).contains("cpu 35%"));
    b.act(Action::Machine(Machine { cpu: 0.9, ..machine() }, None));
    assert_eq!(render(&mut b, LARGE, Depth::True, false), before);
}

#[test]
fn the_legend_of_the_grid_has_the_colours_and_glyphs_of_its_cells() {
    for (depth, ascii) in [(Depth::True, false), (Depth::Ansi16, false), (Depth::Mono, false), (Depth::Mono, true)] {
        let mut b = whole(1.0);
        b.keys("]");
        let buf = render(&mut b, LARGE, depth, ascii);
        let drawn = text(&buf);
        let at = |words: &str| {
            let (y, line) = drawn
                .lines()
                .enumerate()
                .find(|(_, l)| l.contains(words))
                .unwrap_or_else(|| panic!("{words} in\n{drawn}"));
            let x = line[..line.find(words).unwrap()].chars().count();
            (x as u16, y as u16)
        };
        // Glyph and style of each step, as the legend says.
        let scale: Vec<_> = ["<15", "15 ", "20 ", "25 ", "30 ", "40 ", "exact"]
            .into_iter()
            .scan(at("<15").0 - 1, |from, word| {
                let (_, y) = at("<15");
                let line: Vec<String> = (0..buf.area.width).map(|x| buf[(x, y)].symbol().to_owned()).collect();
                let x = (usize::from(*from)..line.len()).find(|x| line[*x..].concat().starts_with(word))? as u16;
                *from = x;
                Some((buf[(x - 1, y)].symbol().to_owned(), buf[(x - 1, y)].style()))
            })
            .collect();
        assert_eq!(scale.len(), 7, "{drawn}");
        for i in 0..7 {
            assert!((0..i).all(|j| scale[i].0 != scale[j].0), "{depth:?}: step {i} has the glyph of one before");
        }
        // Every cell of the rows of the grid is one of them.
        let view = b.state.jobs.view.as_ref().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for ((_, kind), row) in &view.grid {
            if !row.layered {
                continue;
            }
            let (y, line) = drawn.lines().enumerate().find(|(_, l)| l.contains(&format!(" {kind} "))).unwrap();
            let x = line[..line.find(kind.as_str()).unwrap()].chars().count() as u16;
            let cell = (x + kind.chars().count() as u16..buf.area.width)
                .find(|x| buf[(*x, y as u16)].symbol() != " ")
                .unwrap();
            let cell = (buf[(cell, y as u16)].symbol().to_owned(), buf[(cell, y as u16)].style());
            let step = scale.iter().position(|s| *s == cell);
            seen.insert(step.unwrap_or_else(|| panic!("{depth:?} {kind}: {cell:?} is not in {scale:?}")));
        }
        assert!(seen.len() > 1, "{depth:?}: {seen:?}");
    }
}

#[test]
fn a_report_has_the_forecast_beside_what_was_measured_and_the_command() {
    use remold::testing::plan::Estimate;
    let mut b = whole(1.0);
    let forecast = Estimate { output_sqnr_db: Some(22.8), sqnr_db: Some(23.5), cpu_seconds: 50.0 };
    let output = OutputReport {
        bits_per_weight: 5.18,
        output_sqnr_db: Some(22.6),
        sqnr_db: Some(23.4),
        forecast: Some(forecast),
        ..OutputReport::default()
    };
    let report = Report {
        seconds: 28.2,
        encode_seconds: Some(25.9),
        threads: Some(2),
        memory_bytes: Some(256_000_000),
        peak_rss: 182_000_000,
        outputs: vec![output],
        ..Report::default()
    };
    b.act(Action::JobReport("41".into(), Arc::new(report)));
    b.act(Action::JobCommand("41".into(), "remold convert '/my models/a' --to gguf:q4_k_m".into()));
    let words = [
        "forecast 22.8 → measured 22.6 dB",
        "forecast 23.5 → measured 23.4 dB",
        "forecast 25.0 s if nothing else runs → took 25.9 s",
        "at most 256.0 MB planned → 182.0 MB used",
        "remold convert '/my models/a' --to gguf:q4_k_m",
        "copy command",
    ];
    shows(b.keys("<enter>"), LARGE, &words);
    b.effects.clear();
    b.keys("y");
    let copied =
        |e: &Effect| matches!(e, Effect::Copy(text) if text == "remold convert '/my models/a' --to gguf:q4_k_m");
    assert!(b.effects.iter().any(copied), "{:?}", b.effects);
}

#[test]
fn a_cancelled_job_has_no_size_of_a_file_that_is_not_there() {
    let mut b = sample::start();
    b.job(0.9);
    b.act(Action::JobEvents("41".into(), vec![event("12:05:00", "41", EventBody::Cancelled { seconds: 3.0 })]));
    turned(&mut b, JobState::Cancelled);
    b.keys("<enter>]]]]]]");
    b.state.jobs.section = JobSection::Report;
    let drawn = text(&render(&mut b, LARGE, Depth::True, false));
    assert!(drawn.contains("cancelled") && !drawn.contains("size  "), "{drawn}");
}

/// A measurement with these events, which is selected and has the keys.
fn measurement(state: JobState, events: &[&str]) -> Bench {
    let mut b = sample::start();
    let job = remold::testing::job::JobSummary {
        kind: remold::testing::job::JobKind::Evaluation,
        id: "50".into(),
        title: "evaluate a-Q4_K_M.gguf and a-Q2_K.gguf against a on wiki.txt".into(),
        state,
        fraction: 0.62,
        ..sample::a_job()
    };
    b.act(Action::Jobs(vec![job]));
    b.keys("3");
    let event = |body: &&str| {
        let line = format!(r#"{{"t":"2026-11-23T12:04:31Z","job":"50",{body}}}"#);
        remold::testing::engine::from_json(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"))
    };
    b.act(Action::JobEvents("50".into(), events.iter().map(event).collect()));
    b
}

const MEASURING: [&str; 11] = [
    r#""kind":"job.queued","title":"evaluate""#,
    r#""kind":"job.started","pid":7,"threads":2"#,
    r#""kind":"metric","name":"hidden_rms","value":0.01,"model":"/m/a-Q4_K_M.gguf","baseline":"/m/a","layer":0"#,
    r#""kind":"metric","name":"hidden_rms","value":0.3,"model":"/m/a-Q4_K_M.gguf","baseline":"/m/a","layer":1"#,
    r#""kind":"metric","name":"hidden_rms","value":0.05,"model":"/m/a-Q4_K_M.gguf","baseline":"/m/a","layer":1"#,
    r#""kind":"metric","name":"hidden_rms","value":0.3,"model":"/m/a-Q2_K.gguf","baseline":"/m/a","layer":0"#,
    r#""kind":"metric.so_far","name":"perplexity","value":28.4795,"uncertainty":1.5776,"model":"/m/a""#,
    r#""kind":"metric.so_far","name":"perplexity","value":28.632,"uncertainty":1.5,"model":"/m/a-Q4_K_M.gguf""#,
    r#""kind":"metric.so_far","name":"kld_mean","value":0.002517,"uncertainty":0.000061,"model":"/m/a-Q4_K_M.gguf","baseline":"/m/a""#,
    r#""kind":"sample","rss":100000000,"cpu":1.9,"read_rate":0,"write_rate":0,"fraction":0.62,"eta":75.0"#,
    r#""kind":"measure.progress","step":"layers","model":"/m/a-Q2_K.gguf","nth":2,"models":3,"layer":1,"layers":16,"batch":1,"batches":4"#,
];

#[test]
fn a_measurement_shows_its_place_its_figures_and_the_divergence_by_layer() {
    for (size, depth, ascii) in [
        (SMALL, Depth::True, false),
        (LARGE, Depth::True, false),
        (LARGE, Depth::Mono, false),
        (SMALL, Depth::Mono, true),
    ] {
        let mut b = measurement(JobState::Running, &MEASURING);
        b.keys("<enter>z");
        let drawn = text(&render(&mut b, size, depth, ascii));
        for part in ["model 3 of 3, a-Q2_K.gguf: layer 1 of 16, batch 2 of 4", "28.4795", "0.002517", "62 %", "left"] {
            assert!(drawn.contains(part), "{part} in\n{drawn}");
        }
        // The newest value of a layer counts: 0.05 is 26 dB, 0.3 is 10.5 dB.
        assert!(drawn.contains("26.0") && drawn.contains("10.5") && drawn.contains("hidden state dB"), "{drawn}");
        assert!(!drawn.contains("tensor"), "{drawn}");
        assert!(size == SMALL || drawn.contains("± 0.000061"), "{drawn}");
    }
    // Colours of the heat, not of the text, are in the row of layers.
    let buf = render(measurement(JobState::Running, &MEASURING).keys("<enter>z"), LARGE, Depth::True, false);
    let drawn = text(&buf);
    let (y, line) = drawn
        .lines()
        .enumerate()
        .find(|(_, l)| l.trim_start().starts_with("a-Q2_K.gguf  ") && l.contains("10.5"))
        .unwrap();
    let x = line.chars().position(|ch| ch == '█').unwrap_or_else(|| panic!("{line}"));
    assert_ne!(buf[(x as u16, y as u16)].fg, buf[(2, y as u16)].fg, "{line}");
}

#[test]
fn the_report_of_a_measurement_has_every_figure_and_the_command() {
    let value = |name: &str, value: f64| format!(r#"{{"metric":"{name}","value":{value},"uncertainty":0.000061}}"#);
    let model = |label: &str, base: bool, values: &[String]| {
        let files = r#"[{"path":"/none","bytes":1,"mtime_ns":1}]"#;
        format!(
            r#"{{"label":"{label}","path":"/m/{label}","is_baseline":{base},"files":{files},"values":[{}]}}"#,
            values.join(",")
        )
    };
    let models = [
        model("a", true, &[value("perplexity", 28.4795)]),
        model("a-Q4_K_M.gguf", false, &[value("perplexity", 28.632), value("kld_mean", 0.002517)]),
    ];
    let report = format!(
        r#"{{"kind":"evaluation","version":1,"remold":"0.1.0","models":[{}],"baseline":{{"label":"a","path":"/m/a"}},"text":{{"path":"/t/wiki.txt","windows_sha256":"x","windows":15,"window_tokens":256}},"rounding":"exact","measured_on":"15 windows of 256 tokens, 1905 tokens scored","seconds":1.5,"peak_rss":9,"threads":2,"command":"remold eval"}}"#,
        models.join(",")
    );
    let mut b = measurement(JobState::Finished, &MEASURING);
    b.act(Action::JobEvents(
        "50".into(),
        vec![event("12:05:00", "50", EventBody::Finished { seconds: 29.0, peak_rss: 9 })],
    ));
    b.act(Action::JobMeasured("50".into(), MeasuredReport::from_json(report.as_bytes()).unwrap()));
    b.act(Action::JobCommand("50".into(), "remold eval /m/a-Q4_K_M.gguf --baseline /m/a".into()));
    b.keys("r");
    let drawn = text(&render(&mut b, LARGE, Depth::True, false));
    for part in [
        "15 windows of 256 tokens",
        "mean KLD",
        "0.002517",
        "± 0.000061",
        "◆ a",
        "have changed since",
        "remold eval /m/a-Q4_K_M.gguf",
    ] {
        assert!(drawn.contains(part), "{part} in\n{drawn}");
    }
    assert_eq!(JobSection::Report, b.state.jobs.section);
    b.keys("]]]]");
    assert_eq!(JobSection::Report, b.state.jobs.section, "it has four sections");
}
