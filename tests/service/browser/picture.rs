//! Pictures of pages, made small: a page has few colours, so 256 of them do.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Filter};

/// How many colours a picture may have.
const COLOURS: usize = 256;

/// The same picture with at most 256 colours.
pub(super) fn small(png: &[u8]) -> Vec<u8> {
    let mut reader = Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let channels = info.color_type.samples();
    assert_eq!(info.bit_depth, BitDepth::Eight);
    let colours: Vec<[u8; 3]> = pixels[..info.buffer_size()]
        .chunks_exact(channels)
        .map(|pixel| [pixel[0], pixel[1 % channels], pixel[2 % channels]])
        .collect();
    let (palette, indices) = reduced(&colours);
    let mut written = Vec::new();
    let mut encoder = Encoder::new(&mut written, info.width, info.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_palette(palette);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&indices).unwrap();
    writer.finish().unwrap();
    written
}

/// A palette, and the place of each colour in it: colours that differ least share one, as far as that is needed.
fn reduced(colours: &[[u8; 3]]) -> (Vec<u8>, Vec<u8>) {
    (0..8)
        .find_map(|dropped| {
            let mut places = HashMap::new();
            let mut palette = Vec::new();
            let indices = colours.iter().map(|colour| {
                let next = places.len();
                let place = *places
                    .entry(colour.map(|it| it >> dropped))
                    .or_insert_with(|| {
                        palette.extend(colour);
                        next
                    });
                u8::try_from(place).ok()
            });
            let indices = indices.collect::<Option<Vec<u8>>>()?;
            (places.len() <= COLOURS).then_some((palette, indices))
        })
        .unwrap()
}
