//! Keys of the user's own, settings, what a folder is left with, messages in the corner, leaving: through the pure core.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, TINY, check, picture, plain, render, shows, styled};
use remold::testing::recipe::keys::OptionGroup;
use remold::testing::tui::core::all_commands;
use remold::testing::tui::core::{
    Action, Binding, Cmd, Effect, Focus, Hit, Keymap, Layer, Level, Notify, Session, Settings, State, Tab, farewell,
    hints, tail_hints,
};
use remold::testing::tui::look::Depth;
use std::path::{Path, PathBuf};

/// The sample with keys of the user's own.
fn with_keys(own: &[(&str, &[&str])]) -> Bench {
    let bind = |(name, keys): &(&str, &[&str])| Binding {
        name: (*name).to_owned(),
        keys: keys.iter().map(|k| (*k).to_owned()).collect(),
        line: 1,
    };
    let (keymap, wrong) = Keymap::with(&own.iter().map(bind).collect::<Vec<_>>());
    assert_eq!(wrong, []);
    let mut b = sample::start();
    b.state.keymap = keymap;
    b
}

#[test]
fn own_keys_run_commands_and_the_old_ones_do_not() {
    let mut b = with_keys(&[("tab.log", &["L", "x l"]), ("models.convert", &["ctrl-o"]), ("zoom", &[])]);
    b.keys("6zc");
    assert_eq!((b.state.tab, b.state.models.zoom), (Tab::Models, false), "keys that were taken away do nothing");
    b.keys("L");
    assert_eq!(b.state.tab, Tab::Log);
    b.keys("1xl");
    assert_eq!(b.state.tab, Tab::Log, "a sequence of one's own");
    b.keys("1<ctrl-o>");
    assert_eq!(b.state.tab, Tab::Recipe);
    b.act(Action::Run(Cmd::Models)).act(Action::Run(Cmd::Zoom));
    assert!(b.state.models.zoom, "the palette has it still");
}

#[test]
fn hints_help_and_palette_show_own_keys() {
    let mut b = with_keys(&[("models.convert", &["ctrl-o"]), ("zoom", &[]), ("help", &["f4"])]);
    let shown: Vec<_> = hints(&b.state).into_iter().map(|h| (h.key, h.word)).collect();
    assert!(shown.contains(&("ctrl-o".into(), "convert")), "{shown:?}");
    assert!(shown.iter().all(|(_, word)| *word != "zoom"), "what has no key is no hint: {shown:?}");
    assert!(tail_hints(&b.state).iter().any(|h| h.key == "f4" && h.cmd == Cmd::Help));
    shows(
        b.keys("<f4>zoom"),
        SMALL,
        &["/ zoom", "no key             Give this pane the full width, or restore both", "panes"],
    );
    shows(b.keys("<esc><esc>:conv"), SMALL, &["Convert the marked models", "(models.convert)", "  ctrl-o │"]);
    // The first key of a sequence of one's own says what may follow.
    let mut b = with_keys(&[("tab.log", &[", l"]), ("zoom", &[", z"])]);
    picture("own-keys-sequence", b.keys("<enter>,"), SMALL);
    b.keys("<esc>");
    assert_eq!((b.state.pending, b.state.models.focus), (None, Focus::Details), "esc only takes the first key back");
}

#[test]
fn a_key_that_an_inner_place_uses_is_not_shown_for_the_outer_one() {
    let mut b = with_keys(&[("zoom", &["q"])]);
    let shown = |b: &Bench| {
        let all = hints(&b.state).into_iter().chain(tail_hints(&b.state));
        all.filter(|h| ["zoom", "quit"].contains(&h.word)).map(|h| (h.key, h.word)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&b), [("q".into(), "zoom"), ("ctrl-c".into(), "quit")]);
    b.keys("6");
    assert_eq!(shown(&b), [("q".into(), "quit")], "there is nothing to zoom in the log");
}

#[test]
fn settings_are_taken_over_and_a_theme_chosen_by_hand_stays() {
    let mut b = sample::start();
    b.act(Action::Configured(Box::new(Settings { mouse: false, theme: Some("light".into()), ..Settings::default() })));
    assert_eq!(b.effects, [Effect::Configure, Effect::Theme("light".into())]);
    b.effects.clear();
    b.keys("TT<enter>");
    assert!(b.state.theme_chosen);
    let chosen = b.state.theme.clone();
    b.effects.clear();
    b.act(Action::Configured(Box::new(Settings { theme: Some("light".into()), ..Settings::default() })));
    assert_eq!(b.effects, [Effect::Configure], "the configured theme is what it was");
    assert_eq!(b.state.theme, chosen);
    b.effects.clear();
    b.act(Action::ThemeFiles { names: vec!["dark".into(), "mine".into()], changed: vec!["mine".into()] });
    assert_eq!((b.state.themes.len(), b.effects.as_slice()), (2, [].as_slice()), "not the one in use");
    b.state.theme = "mine".into();
    b.act(Action::ThemeFiles { names: vec!["dark".into(), "mine".into()], changed: vec!["mine".into()] });
    assert_eq!(b.effects, [Effect::Theme("mine".into())]);
}

#[test]
fn what_is_wrong_in_a_file_is_shown_and_all_of_it_kept() {
    let mut b = sample::start();
    let told = ["keys.toml:2: no", "keys.toml:3: no", "keys.toml:9: no"].map(String::from);
    b.act(Action::ConfigProblems(told.to_vec()));
    assert_eq!(b.state.toasts.len(), 1);
    assert_eq!(b.state.toasts[0].text, "keys.toml:2: no (and 2 more: see the log)");
    let kept: Vec<&str> = b.state.log.entries.iter().rev().take(3).map(|e| e.text.as_str()).collect();
    assert_eq!(kept, ["keys.toml:9: no", "keys.toml:3: no", "keys.toml:2: no (and 2 more: see the log)"]);
}

/// The sample with everything changed that a session keeps.
fn changed() -> Bench {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>");
    b.state.recipe.unfolded = vec![OptionGroup::Importance, OptionGroup::Runtime];
    b.keys("z");
    b.keys("1").keys("kkh/llama<enter>jj<enter>]s").keys("T<down><down><enter>");
    b.keys("6/mod<enter>w1");
    let marked = ["exports/llama-1000-Q4_K_M.gguf", "tiny-llama"].map(|p| PathBuf::from(DIR).join(p));
    b.state.models.marked = marked.to_vec();
    b.state.log.job = Some("41".into());
    b
}

#[test]
fn a_session_comes_back_as_it_was_left() {
    let b = changed();
    let session = Session::of(&b.state);
    let json = serde_json::to_string(&session).unwrap();
    let read: Session = serde_json::from_str(&json).unwrap();
    assert_eq!(read, session);
    let mut again = Bench { state: State::new(DIR.into(), b.state.now), effects: Vec::new() };
    again.act(Action::Restored(Box::new(read)));
    // Before and after the scan: what is kept does not depend on what is found by then.
    assert_eq!(Session::of(&again.state), session);
    again.act(Action::Found(sample::found()));
    assert_eq!(Session::of(&again.state), session);
    let (old, new) = (&b.state, &again.state);
    assert_eq!((new.tab, new.models.focus, new.models.zoom), (Tab::Models, Focus::Details, old.models.zoom));
    assert_eq!((new.models.filter.as_str(), new.log.filter.as_str()), ("llama", "mod"));
    assert_eq!((&new.models.marked, new.models.marked.len()), (&old.models.marked, 2));
    assert_eq!((new.log.least, new.log.job.as_deref()), (Some(Level::Warn), Some("41")));
    assert_eq!(new.models.details.sort, old.models.details.sort);
    assert_eq!((&new.recipe.document, new.recipe.modified()), (&old.recipe.document, true));
    assert_eq!((new.recipe.document.recipe.targets.len(), new.recipe.zoom), (2, true));
    assert_eq!(new.recipe.unfolded, [OptionGroup::Importance, OptionGroup::Runtime]);
    assert_ne!(session, Session::of(&sample::start().state), "something was changed at all");
}

#[test]
fn a_session_of_what_is_gone_does_no_harm() {
    let mut session = Session::of(&changed().state);
    session.dir = "/elsewhere".into();
    let mut json = serde_json::to_value(&session).unwrap();
    json["tab"] = "Kitchen".into();
    json["theme"] = "no longer there".into();
    json["models"]["selected"] = "/home/ada/runs/gone".into();
    json["models"]["filter"] = "".into();
    json["models"]["marked"] = serde_json::json!(["/home/ada/runs/gone", "/home/ada/runs/tiny-llama"]);
    json["log_level"] = "shouts".into();
    json["models"]["sort"] = "by colour".into();
    json["recipe"]["unfolded"] = serde_json::json!(["a group of a later version"]);
    json["recipe"]["preset"] = "gone".into();
    json["recipe"]["options"] = serde_json::json!([["no such option", "1"], ["threads", "no such value"]]);
    let mut b = Bench { state: State::new(DIR.into(), sample::start().state.now), effects: Vec::new() };
    b.act(Action::Restored(Box::new(serde_json::from_value(json).unwrap())));
    b.act(Action::Found(sample::found()));
    assert_eq!(b.state.tab, Tab::Models);
    assert!(b.state.models.node().is_some(), "a line that exists is selected");
    assert_eq!((b.state.models.marked.len(), b.state.log.least), (1, None));
    assert!(b.effects.iter().all(|e| !matches!(e, Effect::Theme(_))));
}

fn notice(b: &mut Bench, level: Level, text: &str) {
    b.act(Action::Notice(level, text.into()));
}

/// The screen without the rows of messages and of keys.
fn above_messages(b: &mut Bench, size: (u16, u16)) -> Vec<String> {
    let whole = super::screens::text(&render(b, size, Depth::True, false));
    let rows: Vec<&str> = whole.lines().collect();
    rows[..rows.len() - 2].iter().map(|r| (*r).to_owned()).collect()
}

#[test]
fn messages_have_a_line_of_their_own_and_cover_nothing() {
    for keys in ["1", "<enter>]", "c", "3", "4", "5", "6"] {
        for size in [SMALL, LARGE] {
            let mut b = sample::start();
            b.job(1.0).keys("1").planned().keys("1").keys(keys);
            b.state.toasts.clear();
            let before = above_messages(&mut b, size);
            b.state.toasts.push(remold::testing::tui::core::Toast {
                level: Level::Error,
                text: "a short error".into(),
                since: b.state.now,
                logged: true,
            });
            assert_eq!(above_messages(&mut b, size), before, "{keys} at {size:?}");
            shows(&mut b, size, &[" ✗ a short error"]);
        }
    }
}

#[test]
fn a_long_message_takes_more_rows_and_the_rest_is_in_the_log() {
    let mut b = sample::start();
    notice(&mut b, Level::Warn, "one thing to look at");
    notice(&mut b, Level::Error, "config.toml:2: mouse must be true or false. The settings are unchanged.");
    check("toasts-styled", styled(&render(&mut b, SMALL, Depth::True, false)));
    shows(&mut b, SMALL, &["✗ config.toml:2: mouse must be", "1 more in Log)"]);
    shows(&mut b, TINY, &["✗ config.toml:2: mouse must be"]);
    plain(&mut b);
    let long = "word ".repeat(100);
    notice(&mut b, Level::Error, &long);
    b.act(Action::Resize(80, 24));
    let rows = super::screens::text(&render(&mut b, SMALL, Depth::True, false));
    assert_eq!(rows.lines().filter(|l| l.contains("word word")).count(), 3, "{rows}");
    // What is read scrolls in what is left.
    shows(b.keys("6"), SMALL, &["word word"]);
}

#[test]
fn errors_stay_until_a_key_and_the_newest_is_shown() {
    let mut b = sample::start();
    for i in 0..4 {
        notice(&mut b, Level::Warn, &format!("warning {i}"));
    }
    notice(&mut b, Level::Error, "an error");
    let shown = |b: &Bench| b.state.toasts.iter().map(|t| t.text.clone()).collect::<Vec<_>>();
    assert_eq!(shown(&b), ["warning 2", "warning 3", "an error"]);
    b.act(Action::Tick(b.state.now + jiff::SignedDuration::from_secs(5)));
    assert_eq!(shown(&b), ["an error"]);
    notice(&mut b, Level::Info, "a line for the log");
    notice(&mut b, Level::Warn, "a warning");
    shows(&mut b, SMALL, &["✗ an error (and 1 more in Log)"]);
    b.act(Action::Tick(b.state.now + jiff::SignedDuration::from_secs(500)));
    assert_eq!(shown(&b), ["an error"], "whoever comes back sees it");
    b.keys("k");
    assert_eq!(shown(&b), [""; 0], "the next key takes it");
    notice(&mut b, Level::Error, "an error");
    b.keys("<enter><esc>");
    assert_eq!((shown(&b).len(), b.state.models.focus), (0, Focus::Details), "esc takes what is shown, and that alone");
    assert_eq!(b.state.log.entries.iter().filter(|e| e.text.starts_with("warning")).count(), 4);
}

#[test]
fn a_message_goes_at_the_next_key_and_with_its_tab() {
    let texts = |b: &Bench| b.state.toasts.iter().map(|t| t.text.clone()).collect::<Vec<_>>();
    let mut b = sample::start();
    notice(&mut b, Level::Warn, "a warning");
    b.keys("j");
    assert_eq!(texts(&b), ["a warning"], "a key held down would take it before it is seen");
    b.act(Action::Tick(b.state.now + jiff::SignedDuration::from_secs(2)));
    b.keys("j");
    assert_eq!(texts(&b), [""; 0]);
    notice(&mut b, Level::Error, "wrong here");
    notice(&mut b, Level::Error, "wrong here");
    assert_eq!(texts(&b), ["wrong here"], "said twice is said once");
    b.keys("6");
    assert_eq!(texts(&b), [""; 0], "not about this tab");
    b.keys("1y");
    assert!(texts(&b)[0].starts_with("sent to the terminal's clipboard"), "what a key tells is not what it takes away");
}

#[test]
fn a_key_that_does_nothing_says_why() {
    let last = |b: &Bench| b.state.toasts.last().map(|t| t.text.clone()).unwrap_or_default();
    let cases = [
        ("#", "# does nothing here; ? lists the keys"),
        ("u", "u: no model is marked"),
        ("<enter>s", "s: only Tensors can be sorted"),
        ("<enter>r", "r does nothing here; in the tree of Models: scan for models again"),
        ("4E", "E: nothing has been compared yet"),
        ("3x", "x: this job has ended"),
        ("5p", "p: the watcher does not run"),
        ("6F", "F: the newest line is selected already"),
        ("gx", "x does nothing here; ? lists the keys"),
    ];
    for (keys, said) in cases {
        let mut b = sample::start();
        b.effects.clear();
        b.keys(keys);
        assert_eq!(last(&b), said, "{keys}");
    }
}

/// Every place that has keys of its own, as keys that lead to it.
const PLACES: [&str; 22] = [
    "1",
    "gg",
    "<enter>",
    "<enter>]",
    "<enter>]]",
    "<enter>]]]",
    "<enter>]]]]",
    "<enter>]]]]]",
    "c",
    "cG",
    "c<tab>",
    "ck<tab>",
    "3",
    "3<enter>",
    "3<enter>]",
    "3<enter>]]",
    "3<enter>]]]",
    "3<enter>]]]]",
    "4",
    "5",
    "6",
    "6k",
];

#[test]
fn no_word_after_a_slash_is_ever_taken_for_commands() {
    for place in PLACES {
        let mut b = sample::start();
        b.job(1.0).keys("1").planned().keys("1").keys(place);
        b.effects.clear();
        let (tab, jobs) = (b.state.tab, b.state.jobs.list.len());
        b.keys("/exp42qTdx");
        assert_eq!((b.state.tab, b.state.jobs.list.len(), &b.state.layer), (tab, jobs, &None), "{place}");
        assert!(!b.effects.contains(&Effect::Quit), "{place}");
        if b.state.dead.is_some() {
            shows(&mut b, SMALL, &["/ exp42qTdx", "nothing to filter here"]);
        }
        b.keys("<enter>q");
        // A job waits in the queue: leaving asks.
        assert!(b.state.dead.is_none() && b.state.layer == Some(Layer::Leave), "{place}: commands again");
    }
}

#[test]
fn every_key_of_every_command_does_something_or_says_why() {
    use remold::testing::tui::core::update;
    let mut silent = Vec::new();
    for place in PLACES {
        let mut start = sample::start();
        start.job(1.0).keys("1").planned().keys("1").keys(place);
        start.act(Action::Tick(start.state.now + jiff::SignedDuration::from_secs(60)));
        let tab = start.state.tab;
        for key in all_commands().flat_map(|c| c.keys).filter(|k| !k.contains(' ') && **k != "esc") {
            let mut state = start.state.clone();
            let key = remold::testing::tui::core::parse_keys(&if key.chars().count() > 1 {
                format!("<{key}>")
            } else {
                (*key).to_owned()
            });
            let effects = update(&mut state, Action::Key(key[0]));
            let same = format!("{:?}", (&state.models, &state.recipe, &state.jobs, &state.compare, &state.log.least))
                == format!(
                    "{:?}",
                    (
                        &start.state.models,
                        &start.state.recipe,
                        &start.state.jobs,
                        &start.state.compare,
                        &start.state.log.least
                    )
                );
            let quiet = state.toasts.is_empty() && state.layer.is_none() && state.dead.is_none() && effects.is_empty();
            let rest = state.tab == tab
                && state.log.editing.is_none()
                && state.pending.is_none()
                && state.borders == start.state.borders;
            // At the end of a list there is nowhere to go.
            let moves = [
                "j", "down", "k", "up", "ctrl-d", "ctrl-u", "pagedown", "ctrl-f", "pageup", "ctrl-b", "home", "G",
                "end", "h", "l", "left", "right",
            ];
            if same
                && quiet
                && rest
                && !moves.contains(&key[0].to_string().as_str())
                && key[0].to_string() != (tab as usize + 1).to_string()
            {
                silent.push(format!("{place}: {}", key[0]));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn leaving_an_unsaved_recipe_asks_and_says_where_the_draft_is() {
    let unsaved = || {
        let mut b = sample::start();
        b.planned().keys("aq8<enter>").effects.clear();
        b
    };
    let mut b = unsaved();
    b.keys("q");
    assert!(b.effects.is_empty() && b.state.layer == Some(Layer::Unsaved));
    shows(&mut b, SMALL, &["changes that are not saved. Quit?", "session/0a1b2c3d.json", "leave, keep the draft"]);
    plain(&mut b);
    b.keys("<esc>1q<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::Quit), "asked from anywhere; the draft is kept");
    let mut b = unsaved();
    b.keys("qd");
    assert_eq!(b.effects.last(), Some(&Effect::Quit));
    assert!(!b.state.recipe.modified(), "what is kept is the recipe without the changes");
    let mut b = unsaved();
    b.keys("1qs");
    assert!(
        b.state.tab == Tab::Recipe && b.state.recipe.editing.is_some() && b.effects.iter().all(|e| *e != Effect::Quit)
    );
    // Where nothing is kept, enter loses nothing.
    let mut b = unsaved();
    b.state.settings.restore = false;
    b.keys("q");
    shows(&mut b, SMALL, &["No draft is kept"]);
    b.keys("<enter>");
    assert!(b.state.layer.is_none() && b.effects.is_empty());
    // What ran is in its job.
    let mut b = unsaved();
    let job = b.state.jobs.list.first().cloned();
    b.act(Action::Spawned(Ok(job.unwrap_or_else(sample::a_job))));
    b.effects.clear();
    b.keys("q");
    assert_ne!(b.state.layer, Some(Layer::Unsaved));
    // Another model is no change of the recipe.
    let mut b = sample::start();
    b.keys("c1kc1q");
    assert_eq!(b.effects.last(), Some(&Effect::Quit));
}

#[test]
fn leaving_working_jobs_asks_what_becomes_of_them() {
    let mut b = sample::start();
    b.job(0.62).keys("q");
    assert_eq!((b.state.layer.clone(), b.effects.contains(&Effect::Quit)), (Some(Layer::Leave), false));
    picture("leave", &mut b, SMALL);
    shows(&mut b, TINY, &["2 jobs are still running. Quit?", "stop all and leave"]);
    plain(&mut b);
    b.keys("x<esc>");
    assert_eq!((b.state.layer.clone(), b.effects.contains(&Effect::Quit)), (None, false), "stays");
    b.effects.clear();
    b.keys("q<enter>");
    assert_eq!(b.effects, [Effect::Quit]);
    let told = farewell(&b.state).unwrap();
    assert!(
        told.starts_with("2 jobs keep running: checkpoint-2000 → gguf Q4_K_M, bert-base → safetensors\n"),
        "{told}"
    );
    assert!(told.contains("`remold jobs attach 41`"), "{told}");
    b.effects.clear();
    b.keys("qs");
    let [Effect::StopJobs(dirs), Effect::Quit] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(dirs.len(), 2);
    for fast in ["<ctrl-c><ctrl-c>", "/abc<ctrl-c><ctrl-c>", ":<ctrl-c><enter>"] {
        let mut b = sample::start();
        b.job(0.62).keys("1").effects.clear();
        b.keys(fast);
        assert_eq!(b.effects.last(), Some(&Effect::Quit), "{fast}");
    }
}

#[test]
fn with_nothing_at_work_leaving_asks_nothing() {
    let mut b = sample::start();
    b.keys("q");
    assert_eq!((b.effects.last(), farewell(&b.state)), (Some(&Effect::Quit), None));
}

#[test]
fn the_question_knows_when_the_last_job_has_ended() {
    let mut b = sample::start();
    b.job(0.62);
    b.state.jobs.list.truncate(1);
    b.keys("q").more_of_the_job(0.62, 1.0);
    shows(&mut b, SMALL, &["No jobs are running. Quit?", "⏎       leave", "esc     stay"]);
    assert_eq!(farewell(&b.state), None, "the events tell before the list does");
    b.keys("<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::Quit));
}

/// The effects of the running job's end, after so many seconds.
fn ends(settings: Settings, seconds: f64) -> Vec<Effect> {
    let mut b = sample::start();
    b.state.settings = settings;
    b.job(0.62);
    b.effects.clear();
    let mut list = b.state.jobs.list.clone();
    (list[0].state, list[0].seconds) = (remold::testing::job::JobState::Finished, Some(seconds));
    b.act(Action::Jobs(list));
    b.effects
}

#[test]
fn the_end_of_a_long_job_is_notified_and_of_a_short_one_not() {
    let told = |effects: Vec<Effect>| effects.into_iter().any(|e| matches!(e, Effect::Notify(_)));
    assert!(told(ends(Settings::default(), 31.0)) && !told(ends(Settings::default(), 29.0)));
    assert!(told(ends(Settings { notify_after: 0, ..Settings::default() }, 1.0)));
    assert!(!told(ends(Settings { notify: Notify::Off, ..Settings::default() }, 1e6)));
}

#[test]
fn a_click_on_a_hint_runs_it_and_a_second_click_on_a_line_opens_it() {
    let mut b = sample::start();
    b.act(Action::Click(Hit::Hint(Cmd::Convert)));
    assert_eq!(b.state.tab, Tab::Recipe);
    b.act(Action::Click(Hit::Tab(Tab::Models))).act(Action::Click(Hit::List(2)));
    assert_eq!(b.state.models.focus, Focus::List);
    b.act(Action::DoubleClick(Hit::List(2)));
    assert_eq!(b.state.models.focus, Focus::Details);
    let folder = PathBuf::from(DIR).join("exp42");
    b.act(Action::Click(Hit::List(0))).act(Action::DoubleClick(Hit::List(0)));
    assert!(!b.state.models.is_open(&folder), "a folder closes");
    b.act(Action::DoubleClick(Hit::List(0)));
    assert!(b.state.models.is_open(Path::new(&folder)), "and opens");
}

#[test]
fn every_command_keeps_a_name_and_a_default_that_users_could_write() {
    for c in all_commands() {
        let own = Binding { name: c.name.into(), keys: c.keys.iter().map(|k| (*k).to_owned()).collect(), line: 1 };
        assert_eq!(Keymap::with(&[own]).1, [], "{}", c.name);
    }
}
