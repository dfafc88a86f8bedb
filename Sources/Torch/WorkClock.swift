#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Seconds of work as they would be without other programs: the time on the wall, or the processor's time where that is
/// less because the one thread had to wait. A GPU has done its part before the clock is looked at.
package struct WorkClock {
    private let wall: Double
    private let processor: Double

    package init() {
        Engine.synchronize()
        wall = WorkClock.now(CLOCK_MONOTONIC)
        processor = WorkClock.now(CLOCK_PROCESS_CPUTIME_ID)
    }

    /// Since the clock was made.
    package var elapsed: Double {
        Engine.synchronize()
        return min(WorkClock.now(CLOCK_MONOTONIC) - wall, WorkClock.now(CLOCK_PROCESS_CPUTIME_ID) - processor)
    }

    /// What a piece of work takes.
    package static func seconds<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) -> Double {
        let clock = WorkClock()
        try body()
        return clock.elapsed
    }

    private static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
