//! Every scenario, with a crash before every action and every fault at every
//! commit.

use greenroom_sim::{double_crashes, exhaust, named};

fn all_of(name: &str) {
    let Some(scenario) = named(name) else {
        unreachable!("{name} is a scenario: the test below holds the names together")
    };
    let mut campaign = exhaust(scenario);
    campaign.add(double_crashes(scenario, 60));
    campaign.assert_none();
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                all_of(stringify!($name));
            }
        )*

        #[test]
        fn each_scenario_is_here() {
            let here: Vec<&str> = vec![$(stringify!($name)),*];
            let all: Vec<&str> = greenroom_sim::ALL.iter().map(|scenario| scenario.name).collect();
            assert_eq!(here, all);
        }
    };
}

scenarios! {
    ask budget bulk chain choice circle counter crashloop crowd deploy family fanout fleet fell fork
    full
    hold
    latecomer letters hub link message once pingpong queue refund restart retry revive saga
    schedule stage
    supervise timer trace tree version
}
