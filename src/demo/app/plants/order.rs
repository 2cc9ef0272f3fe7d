//! `--plant NAME[=N]`.

use std::str::FromStr;

use super::super::args::{ArgumentError, whole};
use super::{Plant, Sort};

/// More would only test how fast the machine is: some plants are threads and processes.
const MOST: u32 = 100;

/// What to plant, and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlantOrder {
    what: What,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    One(Plant),
    All(Sort),
}

/// Names for many plants at once.
const GROUPS: [(&str, Sort); 3] =
    [("all-classes", Sort::Class), ("all-dead", Sort::Dead), ("all-healthy", Sort::Healthy)];

impl PlantOrder {
    /// The plants, in the order of the catalogue.
    pub fn plants(self) -> impl Iterator<Item = Plant> {
        Plant::all().filter(move |plant| match self.what {
            What::One(one) => *plant == one,
            What::All(sort) => plant.sort() == sort,
        })
    }

    /// How many of each.
    pub fn count(self) -> u32 {
        self.count
    }
}

impl FromStr for PlantOrder {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, count) = match text.split_once('=') {
            Some((name, count)) => (name, whole(count, MOST)?),
            None => (text, 1),
        };
        let group = GROUPS.iter().find(|(group, _)| *group == name);
        let what = match group {
            Some((_, sort)) => What::All(*sort),
            None => What::One(name.parse()?),
        };
        Ok(Self { what, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        text.parse::<PlantOrder>().unwrap().plants().map(Plant::name).collect()
    }

    #[test]
    fn reads_one_many_and_whole_groups() {
        assert_eq!(names("pipe-no-reader"), ["pipe-no-reader"]);
        assert_eq!("pipe-no-reader".parse::<PlantOrder>().unwrap().count(), 1);
        assert_eq!("eventfd=7".parse::<PlantOrder>().unwrap().count(), 7);
        assert!(names("all-dead").contains(&"process-zombie"));
        assert!(names("all-healthy").contains(&"idle-pool"));
        assert!(names("all-classes").contains(&"timerfd"));
        let every: usize = GROUPS.iter().map(|(group, _)| names(group).len()).sum();
        assert_eq!(every, Plant::all().count());
    }

    #[test]
    fn says_what_is_wrong_with_an_order() {
        let wrong = |text: &str| text.parse::<PlantOrder>().unwrap_err().to_string();
        assert!(wrong("epoll").contains("`epoll`"), "{}", wrong("epoll"));
        assert!(wrong("epoll").contains("eventpoll-abandoned"));
        assert!(wrong("epoll").contains("all-dead"));
        for number in ["0", "101", "-1", "", "many", "1.5"] {
            assert!(wrong(&format!("eventfd={number}")).contains("from 1 to 100"), "{number}");
        }
    }

    #[test]
    fn no_two_plants_and_no_group_share_a_name() {
        let mut names: Vec<&str> = Plant::all().map(Plant::name).chain(GROUPS.map(|(name, _)| name)).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }
}
