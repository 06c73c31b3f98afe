//! Which texts go through the model side by side.

/// Tokens of a block: enough for products to run at their full rate. Less where there would be fewer than eight blocks, so
/// that threads end together, but not below the least.
const BLOCK: usize = 512;
const LEAST_BLOCK: usize = 128;

/// The texts in blocks of about [`BLOCK`] tokens, at least one in each.
pub(super) fn blocks<'a, 'b>(texts: &'a [&'b [u32]]) -> Vec<&'a [&'b [u32]]> {
    let total: usize = texts.iter().map(|ids| ids.len()).sum();
    let limit = (total / 8).clamp(LEAST_BLOCK, BLOCK);
    let mut blocks = Vec::new();
    let (mut first, mut tokens) = (0, 0);
    for (number, ids) in texts.iter().enumerate() {
        if number > first && tokens + ids.len() > limit {
            blocks.push(&texts[first..number]);
            (first, tokens) = (number, 0);
        }
        tokens += ids.len();
    }
    if first < texts.len() {
        blocks.push(&texts[first..]);
    }
    blocks
}

/// First column and number of tokens of each text of a block.
pub(super) fn spans<'a>(texts: &'a [&[u32]]) -> impl Iterator<Item = (usize, usize)> + 'a {
    texts.iter().scan(0, |next, ids| {
        let first = *next;
        *next += ids.len();
        Some((first, ids.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_text_once_and_none_is_far_beyond_its_size() {
        for lengths in [vec![], vec![512], vec![256; 16], vec![16; 3], vec![500, 20, 500, 3, 9, 480, 1]] {
            let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![7; length]).collect();
            let texts: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
            let blocks = blocks(&texts);
            assert_eq!(blocks.concat(), texts);
            for block in &blocks {
                let tokens: usize = block.iter().map(|ids| ids.len()).sum();
                assert!(!block.is_empty() && (tokens <= BLOCK || block.len() == 1), "{lengths:?}");
            }
        }
        assert_eq!(blocks(&vec![[7; 256].as_slice(); 16]).len(), 8);
    }
}
