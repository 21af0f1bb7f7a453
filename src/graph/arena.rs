//! Typed ids, and the arena they index. An id is never used again after its element was removed.

use std::ops::{Index, IndexMut};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) u32);

        impl Id for $name {
            fn from_index(index: u32) -> Self {
                Self(index)
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        })*
    };
}

ids! {
    /// A value of a graph.
    ValueId;
    /// A node of a graph.
    NodeId;
    /// A list of nodes with inputs and outputs: the main one of a graph, or the body of a branch or a loop.
    RegionId;
    /// A tensor of the model that the graph belongs to, by its place in the list of tensors.
    TensorRef;
}

/// An id made of an index.
pub(crate) trait Id: Copy {
    /// The id of that index.
    fn from_index(index: u32) -> Self;
    /// Its index.
    fn index(self) -> usize;
}

/// Elements by id, with holes where elements were removed.
#[derive(Clone, Debug)]
pub(crate) struct Arena<I, T> {
    slots: Vec<Option<T>>,
    id: std::marker::PhantomData<fn() -> I>,
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        Self { slots: Vec::new(), id: std::marker::PhantomData }
    }
}

impl<I: Id, T> Arena<I, T> {
    /// Adds an element.
    pub(crate) fn add(&mut self, element: T) -> I {
        // Readers limit the number of elements far below 2³².
        let id = I::from_index(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Some(element));
        id
    }

    /// Removes an element; its id is dangling from then on.
    pub(crate) fn remove(&mut self, id: I) -> Option<T> {
        self.slots.get_mut(id.index())?.take()
    }

    /// The element, unless it was removed.
    pub(crate) fn get(&self, id: I) -> Option<&T> {
        self.slots.get(id.index())?.as_ref()
    }

    /// The elements in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.slots.iter().enumerate().filter_map(|(i, s)| Some((I::from_index(i as u32), s.as_ref()?)))
    }

    /// As [`Arena::iter`].
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(i, s)| Some((I::from_index(i as u32), s.as_mut()?)))
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// One more than the largest index that was given: the length of a table by id.
    pub(crate) fn span(&self) -> usize {
        self.slots.len()
    }
}

impl<I: Id, T> Index<I> for Arena<I, T> {
    type Output = T;

    /// A dangling id is a programming error, as an index out of bounds is: no file can cause one.
    fn index(&self, id: I) -> &T {
        match &self.slots[id.index()] {
            Some(element) => element,
            None => panic!("a dangling id of the graph"),
        }
    }
}

impl<I: Id, T> IndexMut<I> for Arena<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        match &mut self.slots[id.index()] {
            Some(element) => element,
            None => panic!("a dangling id of the graph"),
        }
    }
}
