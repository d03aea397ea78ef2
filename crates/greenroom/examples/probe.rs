//! A binary with a few small kinds, which the tests of the command line run as
//! a user would run their own.

use greenroom::{
    Breaker, Ctx, Failure, KindOptions, Mailbox, ProcessId, QueueSpec, Registry, Retry,
};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

/// A step, and a result.
async fn add(ctx: Ctx, sum: Sum) -> Result<i64, Failure> {
    let (a, b) = (sum.a, sum.b);
    ctx.step("add", move |_| async move { Ok::<_, Failure>(a + b) }).await
}

/// Sleeps so many milliseconds.
async fn sleeper(ctx: Ctx, ms: u64) -> Result<String, Failure> {
    ctx.set("mood", "tired")?;
    ctx.sleep(Duration::from_millis(ms)).await?;
    Ok("rested".to_owned())
}

/// Takes so many milliseconds over a step.
#[expect(clippy::disallowed_methods, reason = "a step is outside, where time is real")]
async fn slow(ctx: Ctx, ms: u64) -> Result<(), Failure> {
    ctx.step("work", move |_| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Failure>(())
    })
    .await
}

/// The same, in a queue that lets in one at a time. Without any time, it is first
/// told to come back in a day.
#[expect(clippy::disallowed_methods, reason = "a step is outside, where time is real")]
async fn queued(ctx: Ctx, ms: u64) -> Result<(), Failure> {
    ctx.step("work", move |step| async move {
        if ms == 0 && step.attempt() == 1 {
            let day = Duration::from_secs(24 * 60 * 60);
            return Err(Failure::new("rate_limited", "come back tomorrow").retry_after(day));
        }
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Failure>(())
    })
    .queue("door")
    .await
}

/// Asks, and then writes a line to the file named: an effect one can count.
async fn asker(ctx: Ctx, file: String) -> Result<String, Failure> {
    let day = Duration::from_secs(24 * 60 * 60);
    let answer: String =
        ctx.ask("approval", "Write the line?").choices(["approve", "reject"]).deadline(day).await?;
    if answer == "approve" {
        ctx.step("write", move |step| {
            let file = file.clone();
            async move {
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
                writeln!(file, "{}", step.key())?;
                Ok::<_, Failure>(())
            }
        })
        .await?;
    }
    Ok(answer)
}

/// Fails while the file named is not there.
async fn failer(ctx: Ctx, file: String) -> Result<String, Failure> {
    ctx.step("look", move |_| {
        let file = file.clone();
        async move { Ok::<_, Failure>(std::fs::read_to_string(file)?) }
    })
    .retry(Retry::never())
    .await
}

/// Keeps the last message as its state, until it is told `stop`.
async fn echo(ctx: Ctx, _input: serde_json::Value) -> Result<u64, Failure> {
    let mut count = 0;
    loop {
        let message = ctx.recv().await?;
        if message.topic == "stop" {
            return Ok(count);
        }
        count += 1;
        ctx.set("last", &message.body)?;
        ctx.emit("heard you")?;
    }
}

/// Sends itself a message for each that it takes.
async fn endless(ctx: Ctx, _input: serde_json::Value) -> Result<u64, Failure> {
    loop {
        ctx.send(&ctx.id(), "again", &()).await?;
        ctx.recv().await?;
    }
}

/// Has a child do the work.
async fn lead(ctx: Ctx, sum: Sum) -> Result<i64, Failure> {
    ctx.spawn("add", &sum).key("child").await?.join().await
}

/// Answers a call only after it has called the next.
async fn ring(ctx: Ctx, next: ProcessId) -> Result<(), Failure> {
    let message = ctx.recv().await?;
    let heard = ctx.call::<()>(&next, "go", &()).await;
    ctx.reply(&message, &())?;
    heard
}

/// Has room for two messages, and takes none before it is told to.
async fn narrow(ctx: Ctx, _input: serde_json::Value) -> Result<u64, Failure> {
    ctx.ask::<String>("open", "Let them in?").await?;
    let mut count = 0;
    while ctx.recv().timeout(Duration::from_secs(1)).await.is_ok() {
        count += 1;
    }
    Ok(count)
}

/// Sends another so many messages.
async fn pusher(ctx: Ctx, (to, count): (ProcessId, u64)) -> Result<(), Failure> {
    for number in 0..count {
        ctx.send(&to, "push", &number).await?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let second = Duration::from_secs(1);
    let door = QueueSpec::new("door").concurrency(1).rate(100, second).breaker(Breaker::default());
    let mailbox = Mailbox { messages_max: 2, ..Mailbox::default() };
    let registry = Registry::new()
        .kind("add", add)
        .kind("sleeper", sleeper)
        .kind("slow", slow)
        .kind("queued", queued)
        .queue(door)
        .kind("asker", asker)
        .kind("failer", failer)
        .kind("echo", echo)
        .kind("lead", lead)
        .kind("loop", endless)
        .kind("ring", ring)
        .kind("narrow", narrow)
        .with_options("narrow", KindOptions { mailbox, ..KindOptions::default() })
        .kind("pusher", pusher);
    greenroom::main(registry)
}
