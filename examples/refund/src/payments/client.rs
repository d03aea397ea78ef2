//! What calls the payment service.

use super::address::Files;
use super::wire::{Behave, Counts, Health, Payment, RefundRequest};
use crate::order::Purchase;
use crate::settings::Settings;
use greenroom::Failure;
use reqwest::{Response, StatusCode};
use std::path::Path;
use std::time::Duration;

/// How long questions beside the refunds may take.
const QUICK: Duration = Duration::from_secs(2);

/// A client of the payment service.
pub struct Payments {
    http: reqwest::Client,
    /// Where it is; else its file says.
    url: Option<String>,
    files: Files,
}

impl Payments {
    /// Does not connect yet.
    ///
    /// # Errors
    /// If the system refuses what a client needs.
    pub fn new(settings: &Settings) -> anyhow::Result<Payments> {
        Payments::at(&settings.dir, settings.payments.clone())
    }

    /// The same, of a directory.
    pub fn at(dir: &Path, url: Option<String>) -> anyhow::Result<Payments> {
        // A proxy of the environment's has no business between these two.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Payments { http, url, files: Files::new(dir) })
    }

    /// Asked for at each attempt: the service may come back at another address.
    fn url(&self) -> Result<String, Failure> {
        let url = self.url.clone().or_else(|| self.files.read_address());
        url.ok_or_else(|| down("there is no address of it: start it with `refund payments`"))
    }

    /// Makes a refund. Repeated with the same key, it is the same refund.
    ///
    /// # Errors
    /// `declined` and `refused` are final; `payments_down` is worth another attempt.
    pub async fn refund(&self, key: &str, purchase: &Purchase) -> Result<Payment, Failure> {
        let request = RefundRequest {
            order: purchase.order_id.clone(),
            amount: purchase.amount,
            currency: purchase.currency.clone(),
        };
        let post = self.http.post(format!("{}/refunds", self.url()?)).json(&request);
        let response = post.header("Idempotency-Key", key).send().await.map_err(lost)?;
        if response.status().is_success() {
            return response.json().await.map_err(lost);
        }
        Err(refusal(response).await)
    }

    /// How many refunds were made.
    pub async fn counts(&self) -> Result<Counts, Failure> {
        let get = self.http.get(format!("{}/refunds", self.url()?)).timeout(QUICK);
        get.send().await.map_err(lost)?.json().await.map_err(lost)
    }

    /// Who answers at the address, if anyone does.
    pub async fn health(&self) -> Option<Health> {
        let get = self.http.get(format!("{}/health", self.url().ok()?)).timeout(QUICK);
        get.send().await.ok()?.json().await.ok()
    }

    /// Tells the service how to treat the next refunds.
    pub async fn behave(&self, behave: &Behave) -> Result<(), Failure> {
        let post = self.http.post(format!("{}/behave", self.url()?)).json(behave).timeout(QUICK);
        let response = post.send().await.map_err(lost)?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) }
    }
}

/// What an answer other than yes means for a further attempt.
async fn refusal(response: Response) -> Failure {
    let status = response.status();
    let words = response.text().await.unwrap_or_default();
    let words = format!("the payment service answered {status}: {words}");
    match status {
        StatusCode::PAYMENT_REQUIRED => Failure::fatal("declined", words),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => down(words),
        status if status.is_client_error() => Failure::fatal("refused", words),
        _ => down(words),
    }
}

fn lost(error: reqwest::Error) -> Failure {
    // `Failure` gathers the causes; the kind is ours.
    down(Failure::from(error).message)
}

fn down(words: impl Into<String>) -> Failure {
    Failure::new("payments_down", words)
}
