extension JobUpdate {
    /// This update and a later one of the same job.
    func merged(with later: JobUpdate) -> JobUpdate {
        var merged = self
        if let output = later.output {
            merged.output = merged.output ?? OutputChunk()
            merged.output?.append(output)
        }
        merged.progress = later.progress ?? progress
        merged.checkpoint = later.checkpoint ?? checkpoint
        merged.process = later.process ?? process
        return merged
    }
}
