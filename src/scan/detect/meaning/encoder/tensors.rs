//! The weights of a model as they lie in its file, in the format `safetensors`: read where they are, by all workers together.
//!
//! Source: the format as the project safetensors describes it: eight octets of length, a header of that length in JSON, then
//! the numbers one behind the other, each in the order of a little-endian machine.

use std::collections::BTreeMap;

use ndarray::{ArrayView1, ArrayView2};
use serde::Deserialize;
use serde_json::Value;

use crate::wire::Shared;

/// Of the length of the header, in octets.
const LENGTH: usize = 8;
/// Of the header, in octets: that of a model of a hundred layers has fewer.
const MAX_HEADER: u64 = 1 << 20;
/// Octets of one number.
const NUMBER: usize = size_of::<f32>();

/// A file of tensors: where each of them lies in it.
pub struct Tensors {
    octets: Shared,
    /// Where the numbers begin, in octets.
    start: usize,
    header: BTreeMap<String, Value>,
}

/// The numbers of one tensor: a matrix, or a vector as a matrix of one row.
pub struct Tensor {
    octets: Shared,
    rows: usize,
    columns: usize,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// Behind the header, in octets.
    data_offsets: (usize, usize),
}

impl Tensors {
    /// # Errors
    /// What about the file is not as the format says.
    pub fn read(octets: Shared) -> Result<Self, String> {
        let length = octets.first_chunk::<LENGTH>().map(|length| u64::from_le_bytes(*length));
        let length = length.filter(|length| *length <= MAX_HEADER).and_then(|length| usize::try_from(length).ok());
        let start = length.and_then(|length| LENGTH.checked_add(length)).filter(|start| *start <= octets.len());
        let start = start.ok_or("it does not begin with a header of tensors")?;
        let header = serde_json::from_slice(&octets[LENGTH..start]).map_err(|error| format!("its header cannot be read: {error}"))?;
        Ok(Self { octets, start, header })
    }

    /// # Errors
    /// When it is not there, or does not have that shape, or its numbers are of another kind.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Tensor, String> {
        self.tensor(name, &[rows, columns], rows, columns)
    }

    /// # Errors
    /// As [`Tensors::matrix`].
    pub fn vector(&self, name: &str, length: usize) -> Result<Tensor, String> {
        self.tensor(name, &[length], 1, length)
    }

    fn tensor(&self, name: &str, shape: &[usize], rows: usize, columns: usize) -> Result<Tensor, String> {
        let entry = self.header.get(name).and_then(|entry| Entry::deserialize(entry).ok());
        let entry = entry.ok_or_else(|| format!("it has no tensor `{name}`"))?;
        if entry.dtype != "F32" || entry.shape != shape {
            return Err(format!("its tensor `{name}` is {} of the shape {:?}, not F32 of {shape:?}", entry.dtype, entry.shape));
        }
        let (begin, end) = entry.data_offsets;
        let place = self.start.checked_add(begin).zip(self.start.checked_add(end));
        let octets = place.and_then(|(begin, end)| self.octets.part(begin..end));
        let octets = octets.filter(|octets| octets.len() == rows * columns * NUMBER && bytemuck::try_cast_slice::<u8, f32>(octets).is_ok());
        let octets = octets.ok_or_else(|| format!("its tensor `{name}` is cut off, or does not lie where a number may begin"))?;
        Ok(Tensor { octets, rows, columns })
    }
}

impl Tensor {
    pub fn matrix(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.rows, self.columns), self.numbers()).expect("as many numbers as were counted when it was read")
    }

    pub fn vector(&self) -> ArrayView1<'_, f32> {
        self.numbers().into()
    }

    fn numbers(&self) -> &[f32] {
        bytemuck::cast_slice(&self.octets)
    }
}
