/// The assignment of n members to n places with the highest sum of gains, by the Hungarian method with potentials
/// (Kuhn 1955; Munkres 1957), in O(n³).
///
/// - Parameter gains: row-major [n, n]: what member i brings at place j; finite.
/// - Returns: the member of every place.
func assignment(highest gains: [Float], _ n: Int) -> [Int] {
    // Rows and columns count from 1; column 0 holds the row that is being placed.
    var (rows, columns) = ([Double](repeating: 0, count: n + 1), [Double](repeating: 0, count: n + 1))
    var member = [Int](repeating: 0, count: n + 1)
    var previous = [Int](repeating: 0, count: n + 1)
    for row in 1..<n + 1 {
        member[0] = row
        var column = 0
        var least = [Double](repeating: .infinity, count: n + 1)
        var isDone = [Bool](repeating: false, count: n + 1)
        repeat {
            isDone[column] = true
            let current = member[column]
            var (step, next) = (Double.infinity, 0)
            for other in 1..<n + 1 where !isDone[other] {
                let slack = -Double(gains[(current - 1) * n + other - 1]) - rows[current] - columns[other]
                if slack < least[other] { (least[other], previous[other]) = (slack, column) }
                if least[other] < step { (step, next) = (least[other], other) }
            }
            for other in 0..<n + 1 {
                if isDone[other] {
                    rows[member[other]] += step
                    columns[other] -= step
                } else {
                    least[other] -= step
                }
            }
            column = next
        } while member[column] != 0
        // The places that the search went through pass their members on.
        repeat {
            let before = previous[column]
            member[column] = member[before]
            column = before
        } while column != 0
    }
    return member.dropFirst().map { $0 - 1 }
}
