use super::*;

fn choices(tasks: &[(&str, &[(&str, u32)])]) -> Vec<u8> {
    let mut bytes = (tasks.len() as u32).to_le_bytes().to_vec();
    bytes.extend(vec![0; tasks.len() * 4]);
    let string = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    for (question, answers) in tasks {
        string(&mut bytes, question);
        bytes.extend((answers.len() as u32).to_le_bytes());
        answers.iter().for_each(|(text, _)| string(&mut bytes, text));
        answers.iter().for_each(|(_, label)| bytes.extend(label.to_le_bytes()));
        bytes.extend(0u32.to_le_bytes());
    }
    bytes
}

fn read(kind: TaskKind, bytes: &[u8]) -> Result<Tasks> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks");
    std::fs::write(&path, bytes).unwrap();
    read_file(kind, &path)
}

#[test]
fn the_three_formats_are_read() {
    let t = read(TaskKind::Hellaswag, b"Cooking: A man\n2\nruns.\nsits.\ncooks.\nflies.\n").unwrap();
    assert_eq!(t.tasks[0].right, [false, false, true, false]);
    assert_eq!(t.tasks[0].answers[2].text, "Cooking: A man cooks.");
    assert_eq!(t.words(), "hellaswag: 1 tasks, 25.0 % by chance");
    let csv = "0,\"The cup, not the _ , broke\",cup,plate,2\n1,A _ b,c,d,1\n";
    let t = read(TaskKind::Winogrande, csv.as_bytes()).unwrap();
    assert_eq!(t.tasks[0].answers[1].text, "The cup, not the plate , broke");
    assert_eq!(t.tasks[0].answers[1].head.as_deref(), Some("The cup, not the plate"));
    assert_eq!((t.tasks[0].right.clone(), t.tasks[1].right.clone()), (vec![false, true], vec![true, false]));
    let t = read(TaskKind::MultipleChoice, &choices(&[("Q: 1+1? A:", &[("3", 0), ("2", 1), ("5", 0)])])).unwrap();
    assert_eq!(t.tasks[0].answers[1].text, "Q: 1+1? A: 2");
    assert_eq!(t.tasks[0].right, [false, true, false]);
}

#[test]
fn what_is_not_of_the_format_is_refused_with_its_place() {
    let refused = |kind, bytes: &[u8]| {
        let e = read(kind, bytes).err().unwrap();
        assert!(e.hint().is_some(), "{e}");
        e.to_string()
    };
    assert!(refused(TaskKind::Hellaswag, b"a\nb\n").contains("2 lines, which is not a multiple of 6"));
    assert!(refused(TaskKind::Hellaswag, b"a\nx\n1\n2\n3\n4\n").contains("line 2: \"x\""));
    assert!(refused(TaskKind::Hellaswag, b"a\n4\n1\n2\n3\n4\n").contains("ending 4"));
    assert!(refused(TaskKind::Hellaswag, b"\xff").contains("not UTF-8"));
    assert!(refused(TaskKind::Hellaswag, b"").contains("no task"));
    assert!(refused(TaskKind::Winogrande, b"0,a _ b,c,d\n").contains("line 1:"));
    assert!(refused(TaskKind::Winogrande, b"0,a b,c,d,1\n").contains("has no _"));
    assert!(refused(TaskKind::Winogrande, b"0,a _ b,c,d,3\n").contains("not 1 or 2"));
    let good = choices(&[("Q", &[("a", 1), ("b", 0)])]);
    for cut in 0..good.len() {
        assert!(!refused(TaskKind::MultipleChoice, &good[..cut]).is_empty());
    }
    assert!(refused(TaskKind::MultipleChoice, &[0xff; 64]).contains("do not fit"));
    let many = choices(&[("Q", &vec![("a", 1); 101])]);
    assert!(refused(TaskKind::MultipleChoice, &many).contains("101 answers"));
    assert!(refused(TaskKind::MultipleChoice, &choices(&[("Q", &[("", 1)])])).contains("an answer is empty"));
}

#[test]
fn answers_and_agreement_are_counted() {
    let four = |right: usize| ChoiceTask { answers: Vec::new(), right: (0..4).map(|i| i == right).collect() };
    let tasks = Tasks { kind: TaskKind::Hellaswag, path: PathBuf::new(), tasks: [0, 1, 2, 3].map(four).into(), all: 4 };
    let answers = |chosen: [usize; 4]| Answers { chosen: chosen.to_vec(), ..Answers::default() };
    let figures = figures(&tasks, &answers([0, 1, 0, 0]), Some(&answers([0, 1, 2, 0])));
    assert_eq!(figures[0].0, "hellaswag_accuracy");
    assert!((figures[0].1.value - 50.0).abs() < 1e-9 && (figures[1].1.value - 75.0).abs() < 1e-9);
    // sqrt(p (1 − p) / (n − 1)).
    assert!((figures[0].1.uncertainty.unwrap() - 28.867_513).abs() < 1e-5);
}

#[test]
fn answers_are_those_of_llama_perplexity() {
    use crate::forward::Forward;
    let fixture = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    let path = fixture("models/tiny-llama");
    let model = crate::arch::open(&path).unwrap();
    // With f32 weights nothing is rounded; the scores are those of llama-perplexity in every case.
    let rounding = Rounding::LlamaCpp;
    let forward = Forward::open(&model, rounding).unwrap();
    let tokenizer = TextTokenizer::of(&model).unwrap();
    let entrant = Entrant { label: "tiny-llama", path: &path, network: &forward };
    let candidate = Candidate { entrant, tokenizer: &tokenizer, context: forward.context() };
    // fixtures/golden/tasks/README.md: right answers of all tasks, and of 40.
    let golden = [
        (TaskKind::Hellaswag, "hellaswag.txt", 61, 120, 27),
        (TaskKind::Winogrande, "winogrande.csv", 87, 110, 31),
        (TaskKind::MultipleChoice, "multiple-choice.bin", 72, 130, 27),
    ];
    for (kind, name, right, all, right_of_40) in golden {
        for (most, right, all) in [(0, right, all), (40, right_of_40, 40)] {
            let file = TaskFile { kind, path: fixture(&format!("golden/tasks/{name}")), most: Some(most) };
            let tasks = Tasks::read(&file).unwrap();
            assert_eq!(tasks.tasks.len(), all, "{name}");
            let how = How { rounding, memory: crate::quality::DEFAULT_MEMORY, task: Task::quiet() };
            let own = answers(&tasks, candidate, how, &super::super::pass::Deaf).unwrap();
            let accuracy = figures(&tasks, &own, Some(&own))[0].1.value;
            let expected = f64::from(right) * 100.0 / all as f64;
            assert!((accuracy - expected).abs() < 1e-9, "{name}, {all} tasks: {accuracy} instead of {expected}");
        }
    }
}
