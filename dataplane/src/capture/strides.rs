//! Where records to come begin. Each record's header says where the next one is, so whoever walks
//! through them waits for memory at each step, and the processor cannot know where to look next. Nor
//! are they all of one length; but traffic repeats itself: two segments and an acknowledgment, an
//! order and its answer. So it is remembered which stride followed which two, and a guess runs some
//! records ahead. A wrong guess costs a line that nobody wanted.

/// Records that the guess runs ahead: as many as pass while a line comes from memory.
const AHEAD: usize = 8;
/// Strides that follow two others, by a hash of these.
const PLACES: usize = 256;

/// Guesses where headers are, before they were read.
#[derive(Debug)]
pub(crate) struct Strides {
    followed: [u32; PLACES],
    last: Pair,
    /// The strides that were guessed, the nearest first: a ring.
    guessed: [u32; AHEAD],
    first: usize,
    count: usize,
    /// The last two strides of the guess, and how far it is from the next record.
    ahead: Pair,
    distance: usize,
}

/// Two strides, the later one last.
#[derive(Clone, Copy, Debug)]
struct Pair(u32, u32);

impl Pair {
    #[inline]
    const fn then(self, stride: u32) -> Self {
        Self(self.1, stride)
    }

    #[inline]
    const fn place(self) -> usize {
        let mixed = self.0.wrapping_mul(0x9e37_79b1) ^ self.1.wrapping_mul(0x85eb_ca6b);
        (mixed >> 24) as usize
    }
}

impl Strides {
    pub(crate) const fn new() -> Self {
        Self {
            followed: [0; PLACES],
            last: Pair(0, 0),
            guessed: [0; AHEAD],
            first: 0,
            count: 0,
            ahead: Pair(0, 0),
            distance: 0,
        }
    }

    /// A record was passed, of so many bytes. Says how far from the next one there may be a header
    /// to ask for, at most two of them.
    #[inline]
    pub(crate) fn passed(&mut self, stride: u32, mut soon: impl FnMut(usize)) {
        if let Some(known) = self.followed.get_mut(self.last.place()) {
            *known = stride;
        }
        self.last = self.last.then(stride);
        self.follow(stride);
        for _ in 0..2 {
            if self.count >= AHEAD || !self.guess() {
                break;
            }
            soon(self.distance);
        }
    }

    /// Keeps the guess if it was right so far, or begins anew.
    #[inline]
    fn follow(&mut self, stride: u32) {
        let was_right = self.count > 0 && self.guessed.get(self.first) == Some(&stride);
        if was_right {
            self.first = (self.first + 1) % AHEAD;
            self.count -= 1;
            self.distance = self.distance.saturating_sub(stride as usize);
        } else {
            (self.count, self.distance, self.ahead) = (0, 0, self.last);
        }
    }

    /// Goes one record further; not where nothing ever followed.
    #[inline]
    fn guess(&mut self) -> bool {
        let stride = self.followed.get(self.ahead.place()).copied().unwrap_or(0);
        let Some(place) = self.guessed.get_mut((self.first + self.count) % AHEAD) else {
            return false;
        };
        *place = stride;
        self.count += 1;
        self.ahead = self.ahead.then(stride);
        self.distance = self.distance.saturating_add(stride as usize);
        stride != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Strides;

    /// Which of the headers were asked for before they were passed.
    fn hits(strides: &[u32]) -> usize {
        let mut guess = Strides::new();
        let (mut at, mut asked, mut hits) = (0_usize, Vec::new(), 0);
        for stride in strides {
            hits += usize::from(asked.contains(&at));
            at += *stride as usize;
            guess.passed(*stride, |distance| asked.push(at + distance));
        }
        hits
    }

    #[test]
    fn what_repeats_is_known_ahead() {
        let transfer: Vec<u32> = [1600, 1600, 160].into_iter().cycle().take(300).collect();
        assert!(hits(&transfer) > 290, "{}", hits(&transfer));
        assert!(hits(&[1600; 100]) > 95);
    }

    #[test]
    fn what_does_not_repeat_asks_for_little_and_comes_back() {
        let mut next = 1_u32;
        let mut any = || {
            next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            64 + (next >> 20)
        };
        let mut strides: Vec<u32> = (0..300).map(|_| any()).collect();
        assert!(hits(&strides) < 30);
        strides.extend([1600; 100]);
        assert!(hits(&strides) > 90);
    }
}
