//! How large a component becomes once everything in it is instantiated.

use super::{PrecheckError, malformed};
use crate::class::ShapeLimits;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    FunctionBody, Instance, Payload,
};

/// One component that is being read.
#[derive(Default)]
struct Frame {
    is_module: bool,
    /// For each component that it can name: how many instances one instantiation of it makes. None: not known, so
    /// it may not be instantiated.
    components: Vec<Option<u64>>,
    instances: u64,
}

/// What has been seen so far.
pub(super) struct Shape {
    limits: ShapeLimits,
    frames: Vec<Frame>,
    modules: u64,
    functions: u64,
    tables: u64,
    memories: u64,
}

impl Shape {
    pub(super) fn within(limits: ShapeLimits) -> Self {
        Self { limits, frames: Vec::new(), modules: 0, functions: 0, tables: 0, memories: 0 }
    }

    /// Whether what was just seen belongs to the package itself and not to something in it.
    pub(super) fn is_outermost(&self) -> bool {
        self.frames.len() == 1
    }

    pub(super) fn see(&mut self, payload: &Payload<'_>) -> Result<(), PrecheckError> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_module = *encoding == Encoding::Module;
                self.frames.push(Frame { is_module, ..Frame::default() });
                within("levels of nesting", self.frames.len() as u64, self.limits.nesting + 1)
            }
            Payload::End(_) => self.leave(),
            Payload::ModuleSection { .. } => {
                self.modules += 1;
                within("core modules", self.modules, self.limits.modules)
            }
            Payload::FunctionSection(section) => {
                self.functions += u64::from(section.count());
                within("functions", self.functions, self.limits.functions)
            }
            Payload::TableSection(section) => {
                self.tables += u64::from(section.count());
                within("tables", self.tables, self.limits.tables)
            }
            Payload::MemorySection(section) => {
                self.memories += u64::from(section.count());
                within("memories", self.memories, self.limits.memories)
            }
            Payload::CodeSectionEntry(body) => self.function(body),
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { .. } = instance.map_err(malformed)? {
                        self.instantiate(1)?;
                    }
                }
                Ok(())
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance.map_err(malformed)? {
                        let cost = self.cost(0, component_index)?;
                        self.instantiate(cost)?;
                    }
                }
                Ok(())
            }
            _ => self.name_component(payload),
        }
    }

    /// Everything that adds to the components that can be named.
    fn name_component(&mut self, payload: &Payload<'_>) -> Result<(), PrecheckError> {
        match payload {
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias.map_err(malformed)? {
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                            self.known(None);
                        }
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                            let cost = self.cost(count, index)?;
                            self.known(Some(cost));
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if let ComponentTypeRef::Component(_) = import.map_err(malformed)?.ty {
                        self.known(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export.map_err(malformed)?;
                    if export.kind == ComponentExternalKind::Component {
                        let cost = self.cost(0, export.index)?;
                        self.known(Some(cost));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), PrecheckError> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if !frame.is_module {
            self.known(Some(frame.instances.saturating_add(1)));
        }
        Ok(())
    }

    fn known(&mut self, cost: Option<u64>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.components.push(cost);
        }
    }

    fn cost(&self, outward: u32, index: u32) -> Result<u64, PrecheckError> {
        let frame = self.frames.iter().rev().nth(outward as usize);
        frame
            .and_then(|frame| frame.components.get(index as usize))
            .copied()
            .flatten()
            .ok_or_else(|| PrecheckError::Malformed("it instantiates a component that it does not contain".to_owned()))
    }

    fn instantiate(&mut self, instances: u64) -> Result<(), PrecheckError> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        frame.instances = frame.instances.saturating_add(instances);
        within("instances", frame.instances, self.limits.instances)
    }

    fn function(&self, body: &FunctionBody<'_>) -> Result<(), PrecheckError> {
        let range = body.range();
        within("bytes in one function", range.end.saturating_sub(range.start), self.limits.body)?;
        let mut locals = 0_u64;
        for group in body.get_locals_reader().map_err(malformed)? {
            let (count, _) = group.map_err(malformed)?;
            locals = locals.saturating_add(count.into());
            within("locals in one function", locals, self.limits.locals)?;
        }
        Ok(())
    }
}

fn within(what: &'static str, is: u64, limit: u64) -> Result<(), PrecheckError> {
    if is > limit { Err(PrecheckError::TooMany { what, limit }) } else { Ok(()) }
}
