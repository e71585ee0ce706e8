//! A bounded map that forgets what was longest untouched. Its order is that of the keys, so that
//! what it forgets is the same in every run.

use std::collections::BTreeSet;
use std::hash::Hash;

use hashbrown::HashMap;

/// What is touched often moves in the order only when its turn comes: until then it stands there
/// with an earlier time than its own, never a later one.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    map: HashMap<K, Entry<V>>,
    order: BTreeSet<(i64, K)>,
    max: usize,
    /// Entries that made room for others.
    pub(super) evicted: u64,
}

#[derive(Debug)]
struct Entry<V> {
    /// When it was last touched.
    last: i64,
    /// Where it stands in the order.
    stands: i64,
    value: V,
}

impl<K: Clone + Hash + Ord, V> Recent<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            map: HashMap::new(),
            order: BTreeSet::new(),
            max,
            evicted: 0,
        }
    }

    /// The key's entry, made if there is none, and marked as touched now. A full map forgets the
    /// entry that was longest untouched; of several, the smallest key.
    pub(super) fn touch(&mut self, key: &K, now: i64, make: impl FnOnce() -> V) -> &mut V {
        if self.map.len() >= self.max
            && !self.map.contains_key(key)
            && let Some(oldest) = self.oldest()
        {
            self.order.pop_first();
            self.map.remove(&oldest);
            self.evicted = self.evicted.saturating_add(1);
        }
        let order = &mut self.order;
        let entry = self.map.entry_ref(key).or_insert_with(|| {
            order.insert((now, key.clone()));
            Entry {
                last: now,
                stands: now,
                value: make(),
            }
        });
        entry.last = now;
        if now < entry.stands {
            order.remove(&(entry.stands, key.clone()));
            order.insert((now, key.clone()));
            entry.stands = now;
        }
        &mut entry.value
    }

    /// The key's entry and when it was last touched.
    pub(super) fn get(&self, key: &K) -> Option<(i64, &V)> {
        self.map.get(key).map(|entry| (entry.last, &entry.value))
    }

    /// The key's entry, if there is one, marked as touched now.
    pub(super) fn again(&mut self, key: &K, now: i64) -> Option<&mut V> {
        let entry = self.map.get_mut(key)?;
        entry.last = now;
        if now < entry.stands {
            self.order.remove(&(entry.stands, key.clone()));
            self.order.insert((now, key.clone()));
            entry.stands = now;
        }
        Some(&mut entry.value)
    }

    /// The key's entry, to be changed but not touched.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.map.remove(key)?;
        self.order.remove(&(entry.stands, key.clone()));
        Some(entry.value)
    }

    /// All entries, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.map.values().map(|entry| &entry.value)
    }

    /// The key that was longest untouched; it is the first in the order then.
    fn oldest(&mut self) -> Option<K> {
        loop {
            let (stands, key) = self.order.first()?;
            let entry = self.map.get_mut(key)?;
            if entry.last == *stands {
                return Some(key.clone());
            }
            entry.stands = entry.last;
            let last = entry.last;
            let (_, key) = self.order.pop_first()?;
            self.order.insert((last, key));
        }
    }

    /// Forgets what was last touched before this time, oldest first.
    pub(super) fn expire(&mut self, before: i64, mut each: impl FnMut(K, V)) {
        while self
            .order
            .first()
            .is_some_and(|(stands, _)| *stands < before)
            && let Some(oldest) = self.oldest()
            && let Some((last, _)) = self.order.first()
            && *last < before
        {
            self.order.pop_first();
            if let Some(entry) = self.map.remove(&oldest) {
                each(oldest, entry.value);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.map.clear();
        self.order.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_forgets_the_longest_untouched_and_counts_it() {
        let mut map = Recent::new(2);
        *map.touch(&"a", 1, || 0) = 1;
        *map.touch(&"b", 2, || 0) = 2;
        map.touch(&"a", 3, || 0);
        map.touch(&"c", 4, || 0);
        assert_eq!(map.get(&"b"), None);
        assert_eq!(map.get(&"a"), Some((3, &1)));
        assert_eq!((map.len(), map.evicted), (2, 1));
    }

    #[test]
    fn of_equally_old_entries_the_smallest_key_goes() {
        let mut map = Recent::new(2);
        map.touch(&"b", 1, || ());
        map.touch(&"a", 1, || ());
        map.touch(&"c", 1, || ());
        assert!(map.get(&"a").is_none() && map.get(&"b").is_some());
    }

    #[test]
    fn entries_expire_oldest_first() {
        let mut map = Recent::new(9);
        for (key, at) in [("a", 3), ("b", 1), ("c", 2)] {
            map.touch(&key, at, || at);
        }
        let mut gone = Vec::new();
        map.expire(3, |key, _| gone.push(key));
        assert_eq!(gone, ["b", "c"]);
        assert_eq!(map.len(), 1);
    }
}
