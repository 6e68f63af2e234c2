//! Python with the packages of the peers that are written in it, in a folder of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;

/// What is installed from `PyPI`: the hasher and the index of hasher-matcher-actioner, and what makes and changes pictures.
const PACKAGES: [&str; 5] = ["faiss-cpu", "numpy", "pdqhash", "pillow", "threatexchange"];

pub struct Python {
    program: PathBuf,
}

impl Python {
    /// `None` where the packages cannot be had.
    pub fn get() -> Option<Self> {
        let folder = Path::new("target/bench-python");
        let program = folder.join("bin/python");
        let quiet = |command: &mut Command| command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        let is_ready =
            || quiet(Command::new(&program).args(["-c", "import faiss, numpy, pdqhash, PIL, threatexchange"]).stderr(Stdio::null()));
        if !is_ready() {
            eprintln!("# installing {} from PyPI into {}", PACKAGES.join(" "), folder.display());
            let made = quiet(Command::new("python3").args(["-m", "venv"]).arg(folder));
            let installed = made && quiet(Command::new(&program).args(["-m", "pip", "install", "-q"]).args(PACKAGES));
            if !installed || !is_ready() {
                return None;
            }
        }
        Some(Self { program })
    }

    /// What a script prints, given these arguments. One thread.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg(Path::new("benches/peers").join(script)).args(arguments).env("OMP_NUM_THREADS", "1");
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{script} ended with {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}
