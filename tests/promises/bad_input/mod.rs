//! Whatever is wrong is an error that says what, where and what to try; nothing panics.
//!
//! Bad data files have their own module, [`crate::data`].

mod discoveries;
mod files;
mod fits;
mod models;
mod solves;

use std::fmt::Display;

/// Asserts that a message has all these words.
fn says(error: &impl Display, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "the message lacks `{word}`: {text}");
    }
}

/// The error of what must not succeed.
fn refused<T>(result: ansatz::Result<T>) -> ansatz::Error {
    match result {
        Ok(_) => panic!("this was accepted"),
        Err(error) => error,
    }
}

/// Asserts that an error matches a pattern and that its message has some words.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)?, [$($word:expr),+ $(,)?]) => {{
        let error = crate::bad_input::refused($result);
        assert!(matches!(&error, $pattern $(if $guard)?), "another error than expected: {error:?}");
        crate::bad_input::says(&error, &[$($word),+]);
    }};
}
use assert_refused;
