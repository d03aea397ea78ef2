//! Commands in a box, each with a row of its own.

use super::log::{Log, in_background, output_max};
use super::open::{Engine, now_ms};
use super::records::Ending;
use super::request::{ExecRequest, Printed};
use super::spool::{KEPT_BYTES, Spool};
use crate::build::Image;
use crate::error::Error;
use crate::sandbox::{self, End, ExecSpec, Finished, Running, Sandbox, Signals, Stream};
use serde_json::Value;

/// What a shell says of a command that is not there.
const NOT_STARTED: i32 = 127;

/// A command that runs.
#[derive(Debug)]
pub struct Begun {
    /// Its number.
    pub no: i64,
    /// Its streams and its end.
    pub running: Running,
    /// Who reads its streams writes here what it printed.
    pub log: Log,
}

impl Engine {
    /// Starts a command; the box is started first if it does not run. Who gets it reads its
    /// streams and says [`Engine::ended`].
    ///
    /// # Errors
    /// A program that is not there; a box that cannot be started.
    pub fn begin(&self, name: &str, request: &ExecRequest) -> Result<Begun, Error> {
        // Who seals or stops the box is waited for; from here on the command is there.
        let (_held, sandbox) = self.ready(name)?;
        let image = self.image_of(name)?;
        let no = self.records.begin_exec(name, &request.argv, now_ms())?;
        match self.start_command(name, no, &image, &*sandbox, request) {
            Ok(running) => {
                let log = self.open_log(name, no, output_max(&image), request.background);
                Ok(Begun { no, running, log })
            }
            Err(error) => {
                let ending = Ending::Code(NOT_STARTED);
                self.records.end_exec(no, now_ms(), ending, sandbox::Usage::default(), None)?;
                Err(error)
            }
        }
    }

    fn start_command(
        &self,
        name: &str,
        no: i64,
        image: &Image,
        sandbox: &dyn Sandbox,
        request: &ExecRequest,
    ) -> Result<Running, Error> {
        let mut env = image.env.clone();
        env.extend(self.served_env(name));
        env.extend(request.env.clone());
        let walls = image.limits.wall_ms;
        let timeout_ms = match (request.timeout_ms, walls) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let spec = ExecSpec {
            argv: if request.background {
                in_background(no, &request.argv)
            } else {
                request.argv.clone()
            },
            env,
            cwd: request.cwd.clone(),
            terminal: request.terminal,
            timeout_ms,
            keep_background: request.keep_background || request.background,
        };
        Ok(sandbox.exec(&spec)?)
    }

    /// Writes down how a command ended whose streams the caller has read.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn ended(&self, no: i64, finished: &Finished) -> Result<(), Error> {
        self.records.end_exec(no, now_ms(), ending(finished.end), finished.usage, None)
    }

    /// Runs a command to its end. `sink` hears what it prints as it comes.
    ///
    /// # Errors
    /// As [`Engine::begin`]; the box is ended meanwhile: then what the command did is not known.
    pub fn exec(
        &self,
        name: &str,
        request: &ExecRequest,
        input: &[u8],
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Printed, Error> {
        self.exec_stoppable(name, request, input, &mut drop, sink)
    }

    /// The same for who may not want it any more: `started` is given what kills it.
    ///
    /// # Errors
    /// As [`Engine::exec`].
    pub fn exec_stoppable(
        &self,
        name: &str,
        request: &ExecRequest,
        input: &[u8],
        started: &mut dyn FnMut(Signals),
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Printed, Error> {
        let output_max = output_max(&self.image_of(name)?);
        let Begun { no, running, mut log } = self.begin(name, request)?;
        started(running.signals()?);
        let mut spool = Spool::new(output_max);
        let finished = running.wait(input, KEPT_BYTES, &mut |stream, bytes| {
            spool.push(stream, bytes, &self.dir);
            log.push(stream, bytes);
            sink(stream, bytes);
        })?;
        // No garbage is collected between the layer and the row that names it.
        let store = self.branches.store();
        let _writing = spool.is_long().then(|| store.write()).transpose()?;
        let (stdout, stderr, output) = spool.end(store)?;
        let (ending, usage) = (ending(finished.end), finished.usage);
        // What goes on in the background has not ended with what started it.
        if !request.background || ending != Ending::Code(0) {
            self.records.end_exec(no, now_ms(), ending, usage, output)?;
        }
        Ok(Printed { no, ending, usage, stdout, stderr, output, cut_bytes: finished.cut_bytes })
    }

    /// The command of an action with these arguments.
    ///
    /// # Errors
    /// An action that the box does not have, arguments that do not fill it.
    pub fn action(&self, name: &str, action: &str, args: &Value) -> Result<ExecRequest, Error> {
        let image = self.image_of(name)?;
        let Some(known) = image.actions.get(action) else {
            let known: Vec<&str> = image.actions.keys().map(String::as_str).collect();
            let known = match known.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has {}", known.join(", ")),
            };
            return Err(Error::Missing(format!("action `{action}` in `{}`; {known}", image.name)));
        };
        let argv = known.argv(args).map_err(|bad| Error::NotNow {
            branch: format!("{name}.{action}"),
            why: format!("cannot be called so: {bad}"),
        })?;
        Ok(ExecRequest::of(argv))
    }

    /// What a box was started from.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn image_of(&self, name: &str) -> Result<Image, Error> {
        self.image(&self.row(name)?.image.to_string())
    }
}

fn ending(end: End) -> Ending {
    match end {
        End::Code(code) => Ending::Code(code),
        End::Signal(signal) => Ending::Signal(signal),
        End::TimedOut => Ending::TimedOut,
    }
}
