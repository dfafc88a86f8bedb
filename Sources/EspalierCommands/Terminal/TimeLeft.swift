/// How long a phase still takes, once that means something.
///
/// The rate so far is carried on to the end. At the start it says nothing: what comes first may be slow, or in steps;
/// so nothing is told before ten seconds and a fiftieth of the work, nor while the whole time that the rate promises is
/// still moving, unless a quarter of the work is done.
struct TimeLeft {
    private static let leastSeconds = 10.0
    private static let leastDone = 0.02
    private static let enoughDone = 0.25
    /// Two estimates agree when one is no more than this times the other.
    private static let agreement = 4.0 / 3

    /// Ever farther apart: what was done at some times, in seconds since the start.
    private var history: [(elapsed: Double, done: Double)] = []

    /// Notes what is done, from 0 to 1.
    mutating func note(done: Double, elapsed: Double) {
        guard done > 0, elapsed > 0, elapsed >= (history.last?.elapsed ?? 0) * 1.05 else { return }
        history.append((elapsed, done))
    }

    /// Nil while there is no telling, and at the end.
    func seconds(done: Double, elapsed: Double) -> Double? {
        guard done >= TimeLeft.leastDone, done < 1, elapsed >= TimeLeft.leastSeconds else { return nil }
        let whole = elapsed / done
        if done < TimeLeft.enoughDone {
            // What was promised when half of this time had passed.
            guard let earlier = history.last(where: { $0.elapsed <= elapsed / 2 }) else { return nil }
            let before = earlier.elapsed / earlier.done
            guard max(whole, before) <= TimeLeft.agreement * min(whole, before) else { return nil }
        }
        return whole - elapsed
    }
}
