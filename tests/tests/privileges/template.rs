//! infra/template.yaml, as far as rights are concerned. Its short forms (`!Ref x`, `!GetAtt x.y`, `!Sub …`) are read as what stands behind them,
//! which names the same thing.

use serde_json::Value;
use std::{fs, path::Path};

/// The template.
pub struct Template {
    /// Its functions, by name.
    pub functions: Vec<Function>,
}

/// A function and all of its rights.
pub struct Function {
    /// Its folder's name.
    pub name: String,
    /// The logical id of its role.
    pub role: String,
    /// What its block says.
    pub properties: Value,
    /// What its role's policies say.
    pub statements: Vec<Statement>,
    /// As whom it signs in to the database.
    pub database_role: Option<String>,
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// What.
    pub actions: Vec<String>,
    /// On what.
    pub resources: Vec<String>,
    /// If what, in one line; empty if always.
    pub condition: String,
}

impl Template {
    /// Reads it.
    ///
    /// # Panics
    /// At a form that this file does not know.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
        let text = fs::read_to_string(path).expect("the template");
        let template: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let resources = template["Resources"].as_object().expect("resources");
        let is_function = |resource: &&Value| resource["Type"] == "AWS::Serverless::Function";
        let mut functions: Vec<Function> = resources
            .values()
            .filter(is_function)
            .map(|resource| Function::read(resource, &template["Resources"]))
            .collect();
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        assert!(functions.len() > 4, "the template has functions");
        Self { functions }
    }
}

impl Function {
    fn read(resource: &Value, resources: &Value) -> Self {
        let properties = resource["Properties"].clone();
        let name = text(&resource["Metadata"]["BuildProperties"]["Binary"]);
        let role = text(&properties["Role"]).strip_suffix(".Arn").expect("the ARN of a role").to_owned();
        let of_role = &resources[&role]["Properties"];
        let inline = list(&of_role["Policies"]).into_iter().map(|policy| policy["PolicyDocument"].clone());
        let managed = list(&of_role["ManagedPolicyArns"]).into_iter().map(|policy| {
            let policy = &resources[text(&policy)];
            assert_eq!(policy["Type"], "AWS::IAM::ManagedPolicy", "{name}: a policy that is not in the template");
            policy["Properties"]["PolicyDocument"].clone()
        });
        let statements = inline.chain(managed).flat_map(|document| list(&document["Statement"]));
        // What a function may do under a condition of the template is what it may do.
        let statements = statements.map(|statement| match &statement["Fn::If"] {
            Value::Array(branches) => {
                assert_eq!(branches[2], "AWS::NoValue", "{name}: a statement or none");
                branches[1].clone()
            }
            _ => statement,
        });
        let statements = statements.map(|statement| Statement::read(&name, &statement)).collect();
        let variables = &properties["Environment"]["Variables"];
        let url =
            ["DATABASE_URL", "DATABASE_MIGRATION_URL"].iter().map(|name| &variables[*name]).find(|url| !url.is_null());
        let database_role = url.map(|url| {
            let url = substituted(url);
            let role = url.strip_prefix("postgresql://").and_then(|rest| rest.split_once('@')).expect("a user").0;
            format!("`{role}`")
        });
        Self { role, properties, statements, database_role, name }
    }
}

impl Statement {
    fn read(function: &str, statement: &Value) -> Self {
        for unknown in ["NotAction", "NotResource", "Principal"] {
            assert!(statement[unknown].is_null(), "{function}: {unknown} says what is not meant");
        }
        Self {
            effect: text(&statement["Effect"]),
            actions: list(&statement["Action"]).iter().map(text).collect(),
            resources: list(&statement["Resource"]).iter().map(substituted).collect(),
            condition: condition(&statement["Condition"]),
        }
    }
}

/// `operator key = value`, joined with `and`.
fn condition(condition: &Value) -> String {
    let mut all = Vec::new();
    for (operator, keys) in condition.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().expect("a condition's keys") {
            let values: Vec<String> = list(values).iter().map(substituted).collect();
            all.push(format!("`{key}` {operator} `{}`", values.join("` or `")));
        }
    }
    all.join(" and ")
}

/// `!Sub text`, or `!Sub [text, variables]`.
fn substituted(value: &Value) -> String {
    match value {
        Value::Array(parts) => text(&parts[0]),
        value => text(value),
    }
    .replace("${AWS::Partition}", "aws")
    .replace(":${AWS::Region}:${AWS::AccountId}:", ":…:")
}

/// One, or a list of them. A pair of a text and its variables is one.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if items.get(1).is_some_and(Value::is_object) && items[0].is_string() => {
            vec![value.clone()]
        }
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text and not {value}")).to_owned()
}
