//! The workflow. Kill the node anywhere in it: started again, it goes on from
//! there, and the money moves once.

use crate::money::Money;
use crate::order::{self, Purchase, Standing};
use crate::payments::{Payment, Payments};
use crate::settings::Settings;
use greenroom::{Ctx, Failure, Millis, Retry};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Above this a person decides, whatever the currency.
const AT_ONCE_MAX: Money = Money::units(1_000);

/// What a refund works with. Not part of its state: a new node brings its own.
pub struct Shop {
    pub settings: Settings,
    pub payments: Payments,
}

/// The input: `{"order": "A-1017"}`, or nothing where the process's key is the order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    order: String,
}

/// The result: a receipt, or why there is none.
#[derive(Debug, Serialize)]
pub struct Receipt {
    order: String,
    refunded: bool,
    amount: Money,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    at: String,
}

/// Refunds an order.
pub async fn refund(
    ctx: Ctx,
    request: Option<Request>,
    shop: Arc<Shop>,
) -> Result<Receipt, Failure> {
    let order = order_of(&ctx, request)?;
    ctx.set("stage", "looking up the order")?;
    let purchase = get_purchase(&ctx, &shop, order).await?;
    ctx.set("purchase", &format!("{} for {}", purchase.item, purchase.price()))?;

    let standing = purchase.standing();
    if standing == Standing::Refunded {
        return not_refunded(&ctx, &purchase, "it was refunded before: there is nothing to refund");
    }
    let mut approved_by = "rule".to_owned();
    if purchase.amount > AT_ONCE_MAX || standing == Standing::Unclear {
        ctx.set("stage", "waiting for approval")?;
        match approval(&ctx, &purchase, shop.settings.deadline).await? {
            Ok(person) => approved_by = person,
            Err(reason) => return not_refunded(&ctx, &purchase, reason),
        }
    }
    ctx.set("stage", "refunding")?;
    let payment = process_refund(&ctx, &shop, &purchase).await?;
    ctx.set("stage", "refunded")?;
    Ok(Receipt {
        refunded: true,
        payment_id: Some(payment.payment_id),
        approved_by: Some(approved_by),
        ..Receipt::nothing(&purchase, ctx.now())
    })
}

/// The key must be the order: that is what makes two refunds of one order
/// impossible, since a second start of the same id is the same process.
fn order_of(ctx: &Ctx, request: Option<Request>) -> Result<String, Failure> {
    let key = ctx.id().key().to_owned();
    match request {
        Some(Request { order }) if order != key => {
            let words = format!("this is refund/{key}; start order {order} as refund/{order}");
            Err(Failure::fatal("wrong_order", words))
        }
        _ => Ok(key),
    }
}

async fn get_purchase(ctx: &Ctx, shop: &Arc<Shop>, order: String) -> Result<Purchase, Failure> {
    let shop = shop.clone();
    let look = move || order::find(shop.settings.orders.as_deref(), &order);
    ctx.step("get_purchase", move |_| std::future::ready(look())).await
}

/// Asks a person and waits, a day if need be, holding nothing meanwhile. Who
/// approved it, or why it was not.
async fn approval(
    ctx: &Ctx,
    purchase: &Purchase,
    deadline: Duration,
) -> Result<Result<String, &'static str>, Failure> {
    let verdict = ctx
        .ask::<String>("approval", question(purchase))
        .choices(["approve", "reject"])
        .deadline(deadline)
        .default("reject")
        .answer()
        .await?;
    Ok(match (verdict.value.as_str(), verdict.by) {
        (_, None) => Err("nobody approved it in time"),
        ("approve", Some(person)) => Ok(person.to_string()),
        (_, Some(_)) => Err("a person rejected it"),
    })
}

fn question(purchase: &Purchase) -> String {
    let Purchase { customer, item, bought_at, status, .. } = purchase;
    let doubt = match purchase.standing() {
        Standing::Unclear => format!(" The order's status is `{status}`, which may mean anything."),
        _ => String::new(),
    };
    format!("Refund {} to {customer} for {item}, bought {bought_at}?{doubt}", purchase.price())
}

/// Moves the money. An attempt may be cut off anywhere, by a crash here or
/// there: the payment service knows the step's key, so a further attempt gets
/// the same payment.
async fn process_refund(
    ctx: &Ctx,
    shop: &Arc<Shop>,
    purchase: &Purchase,
) -> Result<Payment, Failure> {
    // About 25 minutes: longer than the payment service takes to come back.
    let patient = Retry { delay_max: Duration::from_secs(3), ..Retry::attempts(500) };
    let timeout = shop.settings.payment_timeout;
    let (shop, purchase) = (shop.clone(), purchase.clone());
    ctx.step("process_refund", move |step| {
        let (shop, purchase) = (shop.clone(), purchase.clone());
        async move { shop.payments.refund(step.key(), &purchase).await }
    })
    .timeout(timeout)
    .retry(patient)
    .await
}

fn not_refunded(ctx: &Ctx, purchase: &Purchase, reason: &str) -> Result<Receipt, Failure> {
    ctx.set("stage", "not refunded")?;
    Ok(Receipt { reason: Some(reason.to_owned()), ..Receipt::nothing(purchase, ctx.now()) })
}

impl Receipt {
    fn nothing(purchase: &Purchase, at: Millis) -> Receipt {
        Receipt {
            order: purchase.order_id.clone(),
            refunded: false,
            amount: purchase.amount,
            currency: purchase.currency.clone(),
            payment_id: None,
            approved_by: None,
            reason: None,
            at: at.to_string(),
        }
    }
}
