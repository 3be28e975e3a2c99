//! AddPermission and RemovePermission: statements of an access policy, added and removed by their
//! label. The rest of a policy stays as its author wrote it.

use serde_json::{Value, json};

use crate::command::CommandError;
use crate::ids::QueueKey;

/// As many as AWS allows.
const STATEMENT_LIMIT: usize = 20;

/// The policy with one more statement.
pub(crate) fn with_statement(
    policy: Option<&str>,
    queue: &QueueKey,
    label: &str,
    accounts: &[String],
    actions: &[String],
) -> Result<String, CommandError> {
    let mut policy = parsed(policy).unwrap_or_else(|| {
        json!({
            "Version": "2008-10-17",
            "Id": format!("{}/SQSDefaultPolicy", queue.arn()),
            "Statement": [],
        })
    });
    let principals: Vec<String> = accounts
        .iter()
        .map(|account| format!("arn:aws:iam::{account}:root"))
        .collect();
    let actions: Vec<String> = actions.iter().map(|name| format!("SQS:{name}")).collect();
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_many(principals) },
        "Action": one_or_many(actions),
        "Resource": queue.arn(),
    });
    let mut statements = statements(&policy);
    if statements
        .iter()
        .any(|statement| has_label(statement, label))
    {
        return Err(CommandError::PermissionExists);
    }
    if statements.len() >= STATEMENT_LIMIT {
        return Err(CommandError::TooManyPermissions);
    }
    statements.push(statement);
    policy["Statement"] = Value::Array(statements);
    Ok(policy.to_string())
}

/// The policy without the statement of this label; none is left without any statement.
pub(crate) fn without_statement(
    policy: Option<&str>,
    label: &str,
) -> Result<Option<String>, CommandError> {
    let mut policy = parsed(policy).ok_or(CommandError::PermissionDoesNotExist)?;
    let mut statements = statements(&policy);
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, label));
    if statements.len() == before {
        return Err(CommandError::PermissionDoesNotExist);
    }
    if statements.is_empty() {
        return Ok(None);
    }
    policy["Statement"] = Value::Array(statements);
    Ok(Some(policy.to_string()))
}

/// A policy is validated to be a JSON object before it gets here.
fn parsed(policy: Option<&str>) -> Option<Value> {
    let policy: Value = serde_json::from_str(policy?).ok()?;
    policy.is_object().then_some(policy)
}

/// A policy may have one statement instead of a list of them.
fn statements(policy: &Value) -> Vec<Value> {
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement @ Value::Object(_)) => vec![statement.clone()],
        Some(_) | None => Vec::new(),
    }
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

fn one_or_many(mut texts: Vec<String>) -> Value {
    match texts.len() {
        1 => Value::String(texts.remove(0)),
        _ => Value::from(texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> QueueKey {
        QueueKey {
            account: "111111111111".to_owned(),
            region: "eu-west-1".to_owned(),
            name: "orders".to_owned(),
        }
    }

    fn add(policy: Option<&str>, label: &str) -> Result<String, CommandError> {
        let accounts = ["222222222222".to_owned()];
        with_statement(
            policy,
            &queue(),
            label,
            &accounts,
            &["SendMessage".to_owned()],
        )
    }

    #[test]
    fn a_permission_is_a_statement_of_the_policy() {
        let policy: Value = serde_json::from_str(&add(None, "send").unwrap()).unwrap();
        let expected = json!({
            "Version": "2008-10-17",
            "Id": "arn:aws:sqs:eu-west-1:111111111111:orders/SQSDefaultPolicy",
            "Statement": [{
                "Sid": "send",
                "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::222222222222:root" },
                "Action": "SQS:SendMessage",
                "Resource": "arn:aws:sqs:eu-west-1:111111111111:orders",
            }],
        });
        assert_eq!(policy, expected);
    }

    #[test]
    fn what_somebody_wrote_into_the_policy_stays() {
        let own = r#"{"Statement":{"Sid":"mine","Effect":"Deny"},"Version":"2012-10-17"}"#;
        let both = add(Some(own), "send").unwrap();
        assert_eq!(
            add(Some(&both), "mine"),
            Err(CommandError::PermissionExists)
        );
        let mine = without_statement(Some(&both), "send").unwrap().unwrap();
        let mine: Value = serde_json::from_str(&mine).unwrap();
        assert_eq!(
            mine["Statement"],
            json!([{ "Sid": "mine", "Effect": "Deny" }])
        );
        assert_eq!(mine["Version"], "2012-10-17");
    }

    #[test]
    fn the_last_permission_takes_the_policy_with_it() {
        let policy = add(None, "send").unwrap();
        let missing = Err(CommandError::PermissionDoesNotExist);
        assert_eq!(without_statement(Some(&policy), "other"), missing);
        assert_eq!(without_statement(None, "send"), missing);
        assert_eq!(without_statement(Some(&policy), "send"), Ok(None));
    }

    #[test]
    fn a_policy_has_at_most_twenty_statements() {
        let mut policy = add(None, "0").unwrap();
        for number in 1..STATEMENT_LIMIT {
            policy = add(Some(&policy), &number.to_string()).unwrap();
        }
        assert_eq!(
            add(Some(&policy), "x"),
            Err(CommandError::TooManyPermissions)
        );
    }
}
