import Faults
import Randomness
import Testing

@testable import Structure

@Suite("Search")
struct SearchTests {
    /// Every distribution, by brute force.
    private func all(_ space: SearchSpace) -> [Genome] {
        space.sizes.reduce([[]]) { list, levels in list.flatMap { start in levels.indices.map { start + [$0] } } }
    }

    private func random(_ genes: Int, seed: UInt64) -> (space: SearchSpace, costs: [[Double]]) {
        var generator = SplitMix64(seed: seed)
        var parameters: [[Int]] = []
        var costs: [[Double]] = []
        for _ in 0..<genes {
            let count = 3 + Int(generator.next() % 3)
            parameters.append((0..<count).map { (count - 1 - $0) * (20 + Int(generator.next() % 30)) }.sorted(by: >))
            costs.append((0..<count).map { Double($0 * $0) * Double(generator.next() % 100) / 50 })
        }
        let dense = parameters.reduce(0) { $0 + $1[0] }
        return (SearchSpace(sizes: parameters, budget: dense / 2), costs)
    }

    @Test("the exact allocation is the best of all", arguments: 1...6 as ClosedRange<UInt64>)
    func exact(seed: UInt64) throws {
        let (space, costs) = random(5, seed: seed)
        let found = try #require(ExactAllocation.solve(space, costs: costs))
        #expect(space.fits(found))
        func cost(_ genome: Genome) -> Double { zip(costs, genome).reduce(0) { $0 + $1.0[$1.1] } }
        let best = all(space).filter(space.fits).map(cost).min()
        #expect(abs(cost(found) - (try #require(best))) < 1e-9)
    }

    @Test("each of two budgets holds, and the exact allocation is the best within both", arguments: [7, 8] as [UInt64])
    func pools(seed: UInt64) throws {
        let (one, costs) = random(6, seed: seed)
        let halves = [[0, 2, 4], [1, 3, 5]].map { genes in
            SearchSpace.Pool(genes: genes, budget: genes.reduce(0) { $0 + one.sizes[$1][0] } * 6 / 10)
        }
        let space = SearchSpace(sizes: one.sizes, pools: halves)
        let found = try #require(ExactAllocation.solve(space, costs: costs))
        #expect(space.fits(found) && space.impossible == nil)
        func cost(_ genome: Genome) -> Double { zip(costs, genome).reduce(0) { $0 + $1.0[$1.1] } }
        let best = try #require(all(space).filter(space.fits).map(cost).min())
        #expect(abs(cost(found) - best) < 1e-9)
        var generator = SplitMix64(seed: seed)
        var options = EvolutionarySearch.Options()
        options.offspring = 20
        let children = EvolutionarySearch(space: space, options: options).offspring(of: found, generator: &generator)
        #expect(!children.isEmpty && children.allSatisfy(space.fits))
        let least = SearchSpace(
            sizes: [[5, 3], [5, 4]], pools: [.init(genes: [0], budget: 3), .init(genes: [1], budget: 3)])
        #expect(least.impossible?.least == 4)
    }

    @Test("levels that are not allowed are not taken, and what fits nowhere has no allocation")
    func limits() throws {
        let (space, costs) = random(4, seed: 9)
        let free = try #require(ExactAllocation.solve(space, costs: costs))
        let allowed = free.map { max(0, $0 - 1)...max(0, $0 - 1) }
        let inside = SearchSpace(sizes: space.sizes, budget: space.sizes.reduce(0) { $0 + $1[0] })
        #expect(ExactAllocation.solve(inside, costs: costs, allowed: allowed) == allowed.map(\.lowerBound))
        let none = SearchSpace(sizes: [[10, 8], [10, 8]], budget: 15)
        #expect(ExactAllocation.solve(none, costs: [[0, 1], [0, 1]]) == nil)
    }

    @Test("a large budget is rounded so that it holds")
    func rounding() throws {
        let parameters = (0..<40).map { (gene: Int) -> [Int] in [100_003 + gene, 50_021, 1] }
        let space = SearchSpace(sizes: parameters, budget: 1_777_777)
        let costs = (0..<40).map { (gene: Int) -> [Double] in [0, Double(gene % 7 + 1), Double(gene % 5 * 3 + 4)] }
        let found = try #require(ExactAllocation.solve(space, costs: costs))
        #expect(space.fits(found) && space.room(found, in: space.pools[0]) < space.pools[0].budget * 2 / 100)
    }

    @Test("offspring fit the budget, differ from each other and from the parent, and repeat with the seed")
    func offspring() throws {
        let (space, costs) = random(12, seed: 4)
        let parent = try #require(ExactAllocation.solve(space, costs: costs))
        let search = EvolutionarySearch(space: space)
        var generator = SplitMix64(seed: 1)
        let children = search.offspring(of: parent, generator: &generator)
        #expect(children.count == 128 && Set(children).count == 128 && !children.contains(parent))
        #expect(children.allSatisfy(space.fits))
        var again = SplitMix64(seed: 1)
        #expect(search.offspring(of: parent, generator: &again) == children)
    }

    @Test("a space without neighbours ends")
    func noNeighbours() {
        let search = EvolutionarySearch(space: SearchSpace(sizes: [[10], [10]], budget: 20))
        var generator = SplitMix64(seed: 1)
        #expect(search.offspring(of: [0, 0], generator: &generator).isEmpty)
    }

    @Test("it finds the best distribution of a small space, and a parent is only left for a better one")
    func finds() throws {
        let (space, costs) = random(6, seed: 11)
        func cost(_ genome: Genome) -> Double {
            // Neighbours disturb each other, which no sum of costs knows.
            var sum = 0.0
            for gene in genome.indices {
                sum += costs[gene][genome[gene]]
                if gene > 0, genome[gene] > 0, genome[gene - 1] > 0 { sum += 0.3 }
            }
            return sum
        }
        let best = try #require(all(space).filter(space.fits).map(cost).min())
        var options = EvolutionarySearch.Options()
        (options.offspring, options.survivors) = (32, [8, 1])
        let search = EvolutionarySearch(space: space, options: options)
        var genome = try #require(ExactAllocation.solve(space, costs: costs))
        var fitness = cost(genome)
        for number in 0..<30 {
            let next = try search.generation(number, parent: genome, fitness: fitness, seed: 3) {
                (genomes, _) throws(Fault) in genomes.map(cost)
            }
            #expect(next.fitness <= fitness && next.fitness == cost(next.genome))
            (genome, fitness) = (next.genome, next.fitness)
        }
        #expect(abs(fitness - best) < 1e-9)
    }

    @Test("a fitness that is no number never wins")
    func notANumber() throws {
        let (space, costs) = random(6, seed: 2)
        let parent = try #require(ExactAllocation.solve(space, costs: costs))
        let next = try EvolutionarySearch(space: space).generation(0, parent: parent, fitness: 1, seed: 1) {
            (genomes, _) throws(Fault) in genomes.map { _ in .nan }
        }
        #expect(next.genome == parent && next.fitness == 1)
    }
}
