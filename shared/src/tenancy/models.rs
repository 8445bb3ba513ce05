//! Which models somebody may use.

/// A list of `provider/model` and `provider/*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelList(Vec<String>);

impl ModelList {
    /// From names that were checked, or that the database holds.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Whether it has this model.
    pub fn has(&self, provider: &str, model: &str) -> bool {
        self.0
            .iter()
            .filter_map(|name| name.split_once('/'))
            .any(|(vendor, name)| vendor == provider && (name == "*" || name == model))
    }

    /// Whether each entry of the other is in this one, by itself or under a `*`.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|name| {
            self.0.contains(name)
                || name.split_once('/').is_some_and(|(vendor, model)| model != "*" && self.has(vendor, model))
        })
    }

    /// As it is stored and shown.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> ModelList {
        ModelList::new(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_list_has_what_it_names_and_what_its_stars_cover() {
        let models = list(&["openai/gpt-4o-mini", "mistral/*"]);
        #[rustfmt::skip]
        let table = [
            ("openai",  "gpt-4o-mini", true,  "named"),
            ("openai",  "gpt-4o",      false, "a prefix of a name is another name"),
            ("mistral", "anything",    true,  "under the star"),
            ("cohere",  "command-r",   false, "not named"),
        ];
        for (provider, model, has, why) in table {
            assert_eq!(models.has(provider, model), has, "{why}");
        }
    }

    #[test]
    fn a_list_covers_what_is_a_subset_of_it() {
        let models = list(&["openai/gpt-4o-mini", "mistral/*"]);
        #[rustfmt::skip]
        let table = [
            (&["openai/gpt-4o-mini"][..],  true,  "one of its own"),
            (&["mistral/mistral-small"],   true,  "under its star"),
            (&["mistral/*"],               true,  "its star"),
            (&["openai/*"],                false, "a star is more than one of its models"),
            (&["openai/gpt-4o-mini", "cohere/x"], false, "one is too much"),
            (&[],                          true,  "nothing is a subset of all"),
        ];
        for (names, covered, why) in table {
            assert_eq!(models.covers(&list(names)), covered, "{why}");
        }
    }
}
