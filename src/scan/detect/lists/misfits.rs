//! What is wrong with a file beside the lists that is read into a form, each with its line.

use std::path::Path;

use super::fault;
use crate::fault::{At, Fault};
use crate::written::{MENDED, Misfit, Written};

pub(super) struct Misfits<'f> {
    path: &'f Path,
    text: &'f str,
    /// Where, in octets of the text; why; and what to do.
    found: Vec<(usize, String, String)>,
}

impl<'f> Misfits<'f> {
    /// Those that were found while the file was read. `hint` is for those that have none of their own.
    pub fn of<T>(path: &'f Path, text: &'f str, written: &Written<'_, T>, hint: &str) -> Self {
        let told = |misfit: &Misfit| (misfit.offset, misfit.why.clone(), misfit.hint.clone().unwrap_or_else(|| hint.to_owned()));
        Self { path, text, found: written.misfits.iter().map(told).collect() }
    }

    /// A consequence of something that was told already is not told.
    pub fn tell(&mut self, offset: usize, why: impl Into<String>, hint: impl Into<String>) {
        if offset != MENDED {
            self.found.push((offset, why.into(), hint.into()));
        }
    }

    /// In the order of the file.
    pub fn told(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(offset, ..)| *offset);
        let told = self.found.into_iter().map(|(offset, why, hint)| {
            let at = At::shown(self.path, self.text, offset);
            Fault { at: Some(at), ..fault(self.path, None, why, &hint) }
        });
        told.collect()
    }

    /// # Errors
    /// All of them, where there are any.
    pub fn none_or<T>(self, form: Option<T>) -> Result<T, Vec<Fault>> {
        match form {
            Some(form) if self.found.is_empty() => Ok(form),
            _ => Err(self.told()),
        }
    }
}
