//! A PDF of one page of text, so that the demo has some to show.

/// Each line of `text` as one of the page, the first as its title.
pub(super) fn page(text: &str) -> Vec<u8> {
    let mut drawn = b"BT /F 16 Tf 56 780 Td 18 TL\n".to_vec();
    for (n, line) in text.lines().enumerate() {
        if n == 1 {
            drawn.extend(b"/F 11 Tf\n");
        }
        drawn.push(b'(');
        for c in line.chars() {
            // The encoding of the page, which has the letters of French at their places in Unicode.
            let byte = u8::try_from(u32::from(c)).unwrap_or(b'?');
            if matches!(byte, b'(' | b')' | b'\\') {
                drawn.push(b'\\');
            }
            drawn.push(byte);
        }
        drawn.extend(b") Tj T*\n");
    }
    drawn.extend(b"ET");
    let objects: [Vec<u8>; 5] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 4 0 R >> >> /Contents 5 0 R >>".to_vec(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
        [format!("<< /Length {} >>\nstream\n", drawn.len()).as_bytes(), &drawn, b"\nendstream"].concat(),
    ];
    let mut pdf = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = String::new();
    for (object, number) in objects.iter().zip(1..) {
        places += &format!("{:010} 00000 n \n", pdf.len());
        pdf.extend([format!("{number} 0 obj\n").as_bytes(), object, b"\nendobj\n"].concat());
    }
    let (count, start) = (objects.len() + 1, pdf.len());
    let table = format!(
        "xref\n0 {count}\n0000000000 65535 f \n{places}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.extend(table.as_bytes());
    pdf
}
