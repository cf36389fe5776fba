/// Finds the name that somebody meant who wrote another one.
enum NearestName {
    /// The candidate that is nearest to `word`, where one is near enough to be meant.
    ///
    /// Case, `_` and `-` do not count (`on_eviction` is `onEviction`), a beginning counts as near (`environment` is `env`),
    /// and otherwise at most two edits, or one in three letters of a longer word, may lie between. Of equals the first wins.
    static func match(_ word: String, among candidates: some Sequence<String>) -> String? {
        let plain = plain(word)
        guard !plain.isEmpty else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = self.plain(candidate)
            var distance = distance(plain, other)
            let shorter = min(plain.count, other.count)
            if shorter >= 3 && (plain.starts(with: other) || other.starts(with: plain)) { distance = min(distance, 1) }
            guard distance <= min(max(2, plain.count / 3), max(shorter - 1, 0)) else { continue }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// How many letters have to be added, removed, replaced or swapped with their neighbour (optimal string alignment).
    static func distance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in first.indices {
            var current = [row + 1]
            for column in second.indices {
                var cost = last[column] + (first[row] == second[column] ? 0 : 1)
                cost = min(cost, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[second.count]
    }

    /// The letters that are compared: those of a name of ordinary length.
    private static func plain(_ name: String) -> [Unicode.Scalar] {
        name.lowercased().unicodeScalars.filter { $0 != "_" && $0 != "-" }.prefix(64).map { $0 }
    }
}
