//! x
#![allow(warnings)]
mod sim;
use sim::*;
use slowdrip::judge::*;

pub fn verdict(plan: &Plan, rng: &mut Rng) -> (char, Growth) {
    let s = night(plan, rng);
    let mut t = Terms::allowing(Some(0.0));
    t.cycle_s = s.cycle_s.filter(|_| std::env::var("CYC").is_ok());
    let g = judge_count(
        &Evidence { points: &s.points, lives: s.lives.as_ref(), restarts: &s.restarts, room: Some(1000.0) },
        &t,
    );
    if std::env::var("DBG").is_ok() && g.outcome == Outcome::Leaks && plan.rate == 0.0 {
        let e = g.estimate.as_ref().unwrap();
        println!(
            "DBG {} dt{} rise {} fall {} given {} k{} obs {:.0} level {} t0 {:.0}",
            plan.shape.name(),
            plan.interval,
            e.rise,
            g.dbg.0,
            g.dbg.1,
            e.steps.len(),
            e.observed_s,
            e.level,
            e.warmup_end_s
        );
    }
    (
        match &g.outcome {
            Outcome::Leaks => 'L',
            Outcome::Holds => 'P',
            Outcome::Undecided(d) => match d {
                Doubt::Filling => 'f',
                Doubt::NotExcluded => 'n',
                _ => 'o',
            },
        },
        g,
    )
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[1].parse().unwrap();
    let min: f64 = a[2].parse().unwrap();
    let seed: u64 = a.get(3).map_or(1, |s| s.parse().unwrap());
    let ids: &[Identity] = if std::env::var("ALLID").is_ok() { &Identity::ALL } else { &[Identity::Unique] };
    for id in ids {
        println!("identity {} {min} min", id.name());
        let clean: Vec<Shape> = Shape::ALL
            .iter()
            .copied()
            .filter(|s| std::env::var("ONLY").map_or(true, |o| o.split(",").any(|o| o == s.name())))
            .collect();
        let mut tot = [0.0f64; 4];
        let mut nt = 0.0;
        let mut ltot = [0.0; 5];
        let rates: &[f64] = &[10.0, 50.0, 300.0];
        let mut rows: Vec<(Shape, Vec<f64>)> = Vec::new();
        let (f, r) = std::thread::scope(|sc| {
            let h: Vec<_> = (0..2)
                .map(|k| {
                    let clean = &clean;
                    sc.spawn(move || {
                        let mut out = Vec::new();
                        for (i, shape) in clean.iter().enumerate() {
                            if i % 2 != k {
                                continue;
                            }
                            let mut row = vec![0.0; 6];
                            for j in 0..n {
                                let dt = [5.0, 10.0, 15.0][j % 3];
                                let mut rng = generator(seed, &format!("c{}", shape.name()), j as u64);
                                let (c, _) = verdict(
                                    &Plan {
                                        shape: *shape,
                                        rate: 0.0,
                                        kind: LeakKind::Poisson,
                                        minutes: min,
                                        interval: dt,
                                        identity: *id,
                                    },
                                    &mut rng,
                                );
                                row[match c {
                                    'L' => 0,
                                    'P' => 1,
                                    _ => 2,
                                }] += 1.0 / n as f64;
                            }
                            for (ri, rate) in rates.iter().enumerate() {
                                let m = (n / 4).max(40);
                                for j in 0..m {
                                    let dt = [5.0, 10.0, 15.0][j % 3];
                                    let mut rng = generator(seed, &format!("l{}{}", shape.name(), rate), j as u64);
                                    let (c, _) = verdict(
                                        &Plan {
                                            shape: *shape,
                                            rate: *rate,
                                            kind: LeakKind::MIX[j % 4],
                                            minutes: min,
                                            interval: dt,
                                            identity: *id,
                                        },
                                        &mut rng,
                                    );
                                    row[3 + ri] += if c == 'L' { 1.0 / m as f64 } else { 0.0 };
                                }
                            }
                            out.push((i, *shape, row));
                        }
                        out
                    })
                })
                .collect();
            let mut all: Vec<_> = h.into_iter().flat_map(|h| h.join().unwrap()).collect();
            all.sort_by_key(|x| x.0);
            (0, all)
        });
        for (_, s, row) in &r {
            println!(
                "{:12} L{:.4} P{:.2} I{:.2} | 10:{:.2} 50:{:.3} 300:{:.3}",
                s.name(),
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                row[5]
            );
        }
        for (name, set) in [("everyday", &Shape::EVERYDAY[..]), ("harder", &Shape::HARDER[..])] {
            let rows: Vec<_> = r.iter().filter(|x| set.contains(&x.1)).collect();
            let m = |k: usize| rows.iter().map(|x| x.2[k]).sum::<f64>() / rows.len() as f64;
            println!(
                "== {:9} L{:.5} P{:.3} I{:.3} | 10:{:.3} 50:{:.3} 300:{:.3}",
                name,
                m(0),
                m(1),
                m(2),
                m(3),
                m(4),
                m(5)
            );
        }
    }
}
