//! Finding: `/` where nothing is hidden, `n` and `N` wherever `/` works; and the border between two panes. Through the pure core.

use super::sample::{self, DIR};
use super::screens::{LARGE, SMALL, TINY, check, picture, plain, render, shows, styled, text};
use remold::testing::tui::core::search_position;
use remold::testing::tui::core::{
    Action, Cmd, Hit, Level, Session, Tab, edited_words, hints, panes, searched, tail_hints,
};
use remold::testing::tui::look::Depth;
use std::path::PathBuf;

fn offers(b: &sample::Bench, word: &str) -> bool {
    hints(&b.state).iter().any(|h| h.word == word)
}

#[test]
fn n_goes_from_hit_to_hit_in_the_tree_and_not_to_the_folders_kept_for_them() {
    let mut b = sample::start();
    assert!(!offers(&b, "next match"), "nothing is looked for");
    b.keys("/llama<enter>");
    assert!(offers(&b, "next match"));
    let mut seen = Vec::new();
    for _ in 0..5 {
        b.keys("n");
        let node = b.state.models.node().unwrap();
        assert!(node.model.is_some(), "{}", node.name);
        seen.push(b.state.models.cursor());
    }
    let first = b.state.models.rows().iter().position(|r| b.state.models.node_at(&r.path).unwrap().model.is_some());
    assert!(seen.contains(&first.unwrap()) && seen.windows(2).any(|w| w[1] < w[0]), "round the end: {seen:?}");
    let at = b.state.models.cursor();
    b.keys("nN");
    assert_eq!(b.state.models.cursor(), at);
    b.keys("<esc>");
    assert!(!offers(&b, "next match"));
}

#[test]
fn n_goes_round_the_tables_and_the_log() {
    let mut b = sample::start();
    b.keys("<enter>]/down_proj<enter>nnN");
    assert_eq!(b.state.models.details.row, 1);
    b.keys("NN");
    assert_eq!(b.state.models.details.row + 1, b.state.models.section_len(), "wrapping around");
    for text in ["one apple", "a pear", "two apples"] {
        b.act(Action::Notice(Level::Info, text.into()));
    }
    b.keys("6/apple<enter>");
    let current = |b: &sample::Bench| b.state.log.current().unwrap().text.clone();
    b.keys("N");
    assert_eq!(current(&b), "one apple");
    b.keys("n");
    assert_eq!(current(&b), "two apples");
    b.keys("n");
    assert_eq!(current(&b), "one apple", "round the end");
}

#[test]
fn a_search_in_what_is_read_hides_nothing_and_marks_its_hits() {
    let mut b = sample::start();
    b.keys("<enter>]]/rope_sc<enter><enter>");
    let long = (0..90).map(|i| format!("line {i}{}", if i % 30 == 7 { " Needle" } else { "" }));
    let reading = b.state.models.inspect.reading.as_mut().unwrap();
    reading.text = long.collect::<Vec<_>>().join("\n");
    let scroll = |b: &sample::Bench| b.state.models.inspect.reading.as_ref().unwrap().scroll;
    assert!(offers(&b, "search") && !offers(&b, "next match"));
    b.keys("/need");
    assert_eq!((scroll(&b), search_position(&b.state)), (7, (Some(1), 3)), "as it is typed");
    b.keys("<enter>n");
    assert_eq!(scroll(&b), 37);
    check("search-styled", styled(&render(&mut b, SMALL, Depth::True, false)));
    shows(&mut b, LARGE, &["line 37 Needle", "matching line 2 of 3"]);
    plain(&mut b);
    b.keys("n");
    assert_eq!(search_position(&b.state), (Some(3), 3));
    b.keys("n");
    assert_eq!(scroll(&b), 7, "round the end");
    b.keys("jjN");
    assert_eq!(scroll(&b), 7, "from where one has scrolled to");
    b.keys("/");
    shows(&mut b, SMALL, &["/ need", "matching line 1 of 3", "type to replace"]);
    b.keys("nowhere<enter>");
    assert!(!offers(&b, "next match"));
    shows(&mut b, SMALL, &["/ nowhere", "no matches", "line 7 Needle"]);
    assert_eq!(b.state.models.details.filter, "rope_sc", "the filter below is another one");
    b.keys("<esc>");
    assert!(searched(&b.state).is_some_and(|s| s.text.is_empty()), "the search goes first, what is read stays");
    b.keys("/need<esc>");
    assert_eq!((scroll(&b), searched(&b.state).unwrap().text.as_str()), (7, ""), "esc goes back to where it was begun");
    b.keys("<esc>");
    assert_eq!(b.state.models.inspect.reading, None);
}

#[test]
fn a_text_is_left_as_soon_as_its_end_is_scrolled_past() {
    let mut b = sample::start();
    b.keys("<enter>]]/rope_sc<enter><enter>");
    b.state.models.inspect.reading.as_mut().unwrap().text = "x\n".repeat(50);
    let scroll = |b: &sample::Bench| b.state.models.inspect.reading.as_ref().unwrap().scroll;
    b.act(Action::Resize(80, 24)).keys("Gjjj");
    let end = scroll(&b);
    b.keys("k");
    assert_eq!((end, scroll(&b)), (50 - 17, end - 1), "no key goes into what is not there");
}

#[test]
fn the_pages_and_events_of_a_job_are_searched() {
    let mut b = sample::start();
    b.job(1.0).keys("<enter>/blk<enter>n");
    let (at, all) = search_position(&b.state);
    assert!(at == Some(2) && all > 2, "{at:?} of {all}");
    picture("search-report", &mut b, SMALL);
    shows(&mut b, LARGE, &["matching line 2 of 12"]);
    let row = b.state.jobs.row;
    b.keys("jn");
    assert!(b.state.jobs.row > row);
    b.keys("<esc>");
    assert_eq!((b.state.jobs.search.text.as_str(), b.state.tab), ("", Tab::Jobs));
    b.keys("]]]]");
    b.keys("/published<enter>");
    picture("search-events", &mut b, SMALL);
    assert_eq!(search_position(&b.state).0, Some(1));
    b.keys("[[/");
    assert_eq!(edited_words(&b.state), None, "nothing is read there");
    b.keys("]]/x").act(Action::Click(Hit::List(0)));
    assert_eq!(edited_words(&b.state), None, "the keys are for the list");
}

#[test]
fn the_border_moves_by_keys_and_mouse_and_is_kept() {
    let mut b = sample::start();
    b.act(Action::Resize(120, 40)).keys(">>+-");
    assert_eq!(panes(&b.state, 120).0, 48 + 8);
    b.keys("<").act(Action::Run(Cmd::BorderLeft));
    assert_eq!(panes(&b.state, 120).0, 48);
    b.act(Action::Click(Hit::Border)).act(Action::Border(70));
    assert_eq!(panes(&b.state, 120), (70, 49));
    b.planned();
    let own = panes(&b.state, 120).0;
    b.keys("+");
    assert_eq!(panes(&b.state, 120).0, own + 4, "each tab has its own");
    shows(&mut b, SMALL, &["q4_k_m  the usual choice", "│ Forecast output dB, from a sample"]);
    let session = Session::of(&b.state);
    let mut again = sample::Bench {
        state: remold::testing::tui::core::State::new(PathBuf::from(DIR), b.state.now),
        effects: Vec::new(),
    };
    again.act(Action::Resize(120, 40)).act(Action::Restored(Box::new(session))).keys("1");
    assert_eq!(panes(&again.state, 120), (70, 49));
    b.keys("1z");
    let before = b.state.borders;
    b.keys("+").act(Action::Border(50));
    assert_eq!(b.state.borders, before, "one pane has no border");
}

#[test]
fn what_a_prompt_offers_is_seen_to_be_selected() {
    let mut b = sample::start();
    b.planned().keys("s");
    check("offered-styled", styled(&render(&mut b, SMALL, Depth::True, false)));
    // Without colour it has brackets.
    let mono = text(&render(&mut b, SMALL, Depth::Mono, true));
    assert!(mono.is_ascii() && mono.contains("exp42/exp42-checkpoint-2000.toml]"), "{mono}");
    shows(&mut b, TINY, &["save as", "exp42-checkpoint-2000.toml", "type to replace"]);
    b.keys("<left>");
    shows(&mut b, SMALL, &["save as exp42/exp42-checkpoint-2000.toml", "⏎ accept  esc cancel"]);
    b.keys("<esc>s<tab>x");
    let line = b.state.recipe.editing.as_ref().unwrap();
    assert!(line.text.ends_with("checkpoint-2000.tomlx"), "whoever completes it keeps it: {}", line.text);
}

#[test]
fn the_line_of_keys_never_cuts_a_hint() {
    for keys in ["", "<enter>]/q<enter>", "c", "3<enter>", "4", "6", "s<esc>c<tab>"] {
        let mut b = sample::start();
        b.job(1.0).keys("1").keys(keys);
        let whole: Vec<String> =
            hints(&b.state).into_iter().chain(tail_hints(&b.state)).map(|h| format!("{} {}", h.key, h.word)).collect();
        for width in 40..170 {
            let picture = text(&render(&mut b, (width, 24), Depth::True, false));
            let line = picture.lines().last().unwrap().trim();
            let shown: Vec<&str> = line.split("  ").map(str::trim).filter(|h| !h.is_empty()).collect();
            let cut: Vec<&&str> = shown.iter().filter(|h| !whole.iter().any(|w| w == **h)).collect();
            assert!(cut.is_empty() && shown.contains(&"? help"), "{keys} at {width}: {cut:?} of {line}");
            assert!(width < 80 || shown.first() == whole.first().map(String::as_str).as_ref(), "{keys}: {line}");
        }
    }
}
